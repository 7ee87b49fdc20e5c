// The kernels that local.bpf.c is fitted to, one for each definition.
#if defined(SAME)
enum color { RED, GREEN = 5, BLUE = -1, GONE = 9 };
struct inner {
	int x;
	int y;
};
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
};
typedef struct {
	int value;
} anonymous_t;
typedef int (*callback_t)(struct sample *, int);
typedef unsigned long word_t;
struct twice {
	int same;
	int differing;
	int only_one;
};
struct absent {
	int a;
};
struct absent absent;
#endif

#if defined(MOVED)
enum color { FIRST, RED, GREEN, BLUE = -7 };
struct inner {
	char before[20];
	union {
		struct {
			long in_between;
			int y;
		};
	};
	int x;
};
struct sample {
	struct inner list[7];
	struct {
		union {
			int one;
			char unrelated;
		};
		struct {
			long long pad;
			struct {
				int two;
			};
		};
	};
	unsigned long long high : 11;
	unsigned long long odd : 38;
	long long wide : 21;
	int low : 9;
	unsigned char b;
	unsigned int c;
	long d;
	long a;
	struct inner in;
	enum color color;
	int *retyped;
	int renamed;
	void *pointer;
	int tail[3];
	char end;
};
typedef struct other {
	long before;
	int value;
} anonymous_t;
typedef int (*callback_t)(struct sample *, long);
typedef unsigned int word_t;
struct twice {
	int same;
	int differing;
};
struct twice___2 {
	int same;
	long before;
	int differing;
	int only_one;
};
struct twice___2 second;
#endif

#if defined(BARE)
enum color___all { RED___all = 3 };
enum color___all all;
struct inner;
struct sample {
	struct inner *in;
	unsigned long b : 40;
	struct {
		char filling[40000];
	};
	unsigned int c;
	int list;
	short a;
	char tail[];
};
typedef struct sample *anonymous_t;
typedef int callback_t;
typedef int (*word_t)(void);
struct twice {
	int nothing;
};
#endif

struct sample *sample;
struct inner *inner;
#ifndef BARE
enum color *color;
#endif
anonymous_t *anonymous;
callback_t callback;
word_t word;
struct twice twice;
