// SPDX-License-Identifier: GPL-2.0
// What a program believes of types that targets.c has in other shapes. Each program asks one thing and returns it.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

enum color { RED, GREEN = 5, BLUE = -1, GONE = 9 };
enum color___flavour { RED___flavour = 7, ONLY_LOCAL = 1 };

struct inner {
	int x;
	int y;
} CORE;

struct never_there;

struct sample {
	int a;
	unsigned int b;
	unsigned long long c;
	short d;
	unsigned char e;
	int low : 5;
	unsigned int high : 7;
	long long wide : 40;
	struct inner in;
	struct inner list[4];
	int *pointer;
	enum color color;
	union {
		int one;
		struct {
			int two;
		};
	};
	int missing;
	int retyped;
	int tail[];
} CORE;

struct sample___old {
	int renamed;
	int a;
} CORE;

struct absent {
	int a;
} CORE;

struct twice {
	int same;
	int differing;
	int only_one;
} CORE;

typedef struct CORE {
	int value;
} anonymous_t;

typedef int (*callback_t)(struct sample *, int);
typedef unsigned long word_t;

#define ANSWER(name, expression)                                                                                       \
	SEC("socket") int name(void *context)                                                                          \
	{                                                                                                              \
		return (expression);                                                                                   \
	}
#define FIELD(type, field) (((struct type *)0)->field)

ANSWER(offset_a, __builtin_preserve_field_info(FIELD(sample, a), 0))
ANSWER(offset_c, __builtin_preserve_field_info(FIELD(sample, c), 0))
ANSWER(offset_nested, __builtin_preserve_field_info(FIELD(sample, in.y), 0))
ANSWER(offset_element, __builtin_preserve_field_info(FIELD(sample, list[2].y), 0))
ANSWER(offset_last_element, __builtin_preserve_field_info(FIELD(sample, list[3]), 0))
ANSWER(offset_tail, __builtin_preserve_field_info(FIELD(sample, tail[6]), 0))
ANSWER(offset_one, __builtin_preserve_field_info(FIELD(sample, one), 0))
ANSWER(offset_two, __builtin_preserve_field_info(FIELD(sample, two), 0))
ANSWER(offset_second, __builtin_preserve_field_info(((struct sample *)0)[1].a, 0))
ANSWER(offset_typedef, __builtin_preserve_field_info(((anonymous_t *)0)->value, 0))
ANSWER(offset_bits, __builtin_preserve_field_info(FIELD(sample, low), 0))
ANSWER(offset_missing, __builtin_preserve_field_info(FIELD(sample, missing), 0))
ANSWER(offset_retyped, __builtin_preserve_field_info(FIELD(sample, retyped), 0))
ANSWER(offset_absent, __builtin_preserve_field_info(FIELD(absent, a), 0))
ANSWER(offset_flavour, __builtin_preserve_field_info(FIELD(sample___old, renamed), 0))

ANSWER(size_c, __builtin_preserve_field_info(FIELD(sample, c), 1))
ANSWER(size_list, __builtin_preserve_field_info(FIELD(sample, list), 1))
ANSWER(size_element, __builtin_preserve_field_info(FIELD(sample, list[1]), 1))
ANSWER(size_wide, __builtin_preserve_field_info(FIELD(sample, wide), 1))
ANSWER(exists_a, bpf_core_field_exists(FIELD(sample, a)))
ANSWER(exists_missing, bpf_core_field_exists(FIELD(sample, missing)))
ANSWER(exists_retyped, bpf_core_field_exists(FIELD(sample, retyped)))
ANSWER(exists_element, bpf_core_field_exists(FIELD(sample, list[3])))
ANSWER(exists_flavour, bpf_core_field_exists(FIELD(sample___old, renamed)))
ANSWER(signed_a, __builtin_preserve_field_info(FIELD(sample, a), 3))
ANSWER(signed_b, __builtin_preserve_field_info(FIELD(sample, b), 3))
ANSWER(signed_low, __builtin_preserve_field_info(FIELD(sample, low), 3))
ANSWER(left_low, __builtin_preserve_field_info(FIELD(sample, low), 4))
ANSWER(right_low, __builtin_preserve_field_info(FIELD(sample, low), 5))
ANSWER(left_high, __builtin_preserve_field_info(FIELD(sample, high), 4))
ANSWER(right_high, __builtin_preserve_field_info(FIELD(sample, high), 5))
ANSWER(left_wide, __builtin_preserve_field_info(FIELD(sample, wide), 4))
ANSWER(right_d, __builtin_preserve_field_info(FIELD(sample, d), 5))

ANSWER(local_id, bpf_core_type_id_local(struct sample))
ANSWER(target_id, bpf_core_type_id_kernel(struct sample))
ANSWER(target_id_absent, bpf_core_type_id_kernel(struct absent))
ANSWER(type_exists, bpf_core_type_exists(struct sample))
ANSWER(type_exists_absent, bpf_core_type_exists(struct absent))
ANSWER(type_exists_word, bpf_core_type_exists(word_t))
ANSWER(type_exists_callback, bpf_core_type_exists(callback_t))
ANSWER(type_size, bpf_core_type_size(struct sample))
ANSWER(type_size_absent, bpf_core_type_size(struct absent))
ANSWER(type_size_enum, bpf_core_type_size(enum color))
// The test turns the question into "matches", which clang knows since version 15.
ANSWER(matches_inner, bpf_core_type_exists(struct inner))
ANSWER(matches_sample, bpf_core_type_exists(struct sample))
ANSWER(matches_color, bpf_core_type_exists(enum color))
ANSWER(matches_callback, bpf_core_type_exists(callback_t))
ANSWER(matches_typedef, bpf_core_type_exists(anonymous_t))

ANSWER(enumerator_exists, bpf_core_enum_value_exists(enum color, GREEN))
ANSWER(enumerator_exists_gone, bpf_core_enum_value_exists(enum color, GONE))
ANSWER(enumerator_value, bpf_core_enum_value(enum color, GREEN))
ANSWER(enumerator_negative, bpf_core_enum_value(enum color, BLUE))
ANSWER(enumerator_gone, bpf_core_enum_value(enum color, GONE))
ANSWER(enumerator_flavour, bpf_core_enum_value(enum color___flavour, RED___flavour))

ANSWER(twice_same, __builtin_preserve_field_info(FIELD(twice, same), 0))
ANSWER(twice_differing, __builtin_preserve_field_info(FIELD(twice, differing), 0))
ANSWER(twice_id, bpf_core_type_id_kernel(struct twice))

// What one question rules out answers no later one.
SEC("socket")
int twice_narrowed(struct twice *twice)
{
	return __builtin_preserve_field_info(twice->only_one, 0) + (__builtin_preserve_field_info(twice->differing, 0) << 8);
}

SEC("socket")
int load_unsigned(struct sample *sample)
{
	return sample->b;
}

SEC("socket")
int load_wide(struct sample *sample)
{
	return sample->c;
}

SEC("socket")
int load_short(struct sample *sample)
{
	return sample->d;
}

SEC("socket")
int load_signed(struct sample *sample)
{
	return sample->a;
}

SEC("socket")
int load_nested(struct sample *sample)
{
	return sample->list[2].y + sample->in.x;
}

SEC("socket")
int load_pointer(struct sample *sample)
{
	return *sample->pointer;
}

SEC("socket")
int load_missing(struct sample *sample)
{
	return sample->missing;
}

SEC("socket")
int load_guarded(struct sample *sample)
{
	if (bpf_core_field_exists(sample->missing))
		return __builtin_preserve_field_info(sample->missing, 0);
	if (bpf_core_enum_value_exists(enum color, GONE))
		return bpf_core_enum_value(enum color, GONE);
	return 2;
}

SEC("socket")
int store(struct sample *sample)
{
	sample->b = 3;
	sample->c = (long)sample;
	return 0;
}

SEC("socket")
int address(struct sample *sample)
{
	return (long)&sample->color;
}

static __attribute__((noinline)) int beside(struct sample *sample)
{
	return sample->color;
}

SEC("socket")
int in_function(struct sample *sample)
{
	return beside(sample);
}

char _license[] SEC("license") = "GPL";
