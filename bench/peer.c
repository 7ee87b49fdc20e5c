// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The libbpf side of `npm run bench`: reads one command a line, does it `count` times, and answers with the nanoseconds
 * that all of them took, or with `error TEXT`. Maps are those that the other side has made, named by id, so that both
 * sides work on the same memory; descriptors and buffers are made outside of the time measured.
 *
 *     load PATH COUNT                open the object's bytes, load, close
 *     open PATH COUNT                open the object's bytes, close
 *     btf PATH COUNT                 read the file of BTF, free it
 *     btf-find PATH COUNT            the same, and find `struct sk_buff` in it
 *     drain MAP_ID COUNT PROGRAM_ID  fill the ring buffer by runs of the program (not measured), and read all events
 *     lookup MAP_ID COUNT            keys 0, 1, … max_entries − 1 in turn
 *     percpu-lookup MAP_ID COUNT     the same, into a buffer with a value for each possible CPU
 *     percpu-sum MAP_ID COUNT        the same, and 64-bit words summed over the CPUs
 *     batch-lookup MAP_ID COUNT BATCH
 *     batch-sum MAP_ID COUNT BATCH   the same, and every key and value read
 *     batch-update MAP_ID COUNT BATCH
 *     iterate MAP_ID COUNT           every key and value read, one key after the other
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct map {
	int fd;
	uint32_t key_size, value_size, max_entries;
};

/* Kept, so that the compiler can't leave the reading out. */
static volatile uint64_t sink;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + time.tv_nsec;
}

static void fail(const char *what)
{
	printf("error %s: %s\n", what, strerror(errno));
}

static void answer(uint64_t start)
{
	printf("%llu\n", (unsigned long long)(now() - start));
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

static int open_map(uint32_t id, struct map *map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	map->fd = bpf_map_get_fd_by_id(id);
	if (map->fd < 0 || bpf_obj_get_info_by_fd(map->fd, &info, &size))
		return -1;
	map->key_size = info.key_size;
	map->value_size = info.value_size;
	map->max_entries = info.max_entries;
	return 0;
}

static void open_object(const char *path, long count, int load)
{
	FILE *file = fopen(path, "rb");
	struct bpf_object *object;
	uint64_t start;
	char *bytes;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		return fail(path);
	rewind(file);
	bytes = allocate(size);
	if (fread(bytes, 1, size, file) != (size_t)size)
		return fail(path);
	fclose(file);
	start = now();
	while (count--) {
		object = bpf_object__open_mem(bytes, size, NULL);
		if (!object || (load && bpf_object__load(object)))
			return fail(load ? "load" : "open");
		bpf_object__close(object);
	}
	answer(start);
	free(bytes);
}

static void read_btf(const char *path, long count, const char *wanted)
{
	uint64_t start = now();

	while (count--) {
		struct btf *btf = btf__parse_raw(path);

		if (!btf)
			return fail(path);
		sink = btf__type_cnt(btf);
		if (wanted && btf__find_by_name_kind(btf, wanted, BTF_KIND_STRUCT) < 0)
			return fail(wanted);
		btf__free(btf);
	}
	answer(start);
}

static int on_event(void *context, void *data, size_t size)
{
	(void)context, (void)size;
	sink += *(uint32_t *)data;
	return 0;
}

static void drain(const struct map *map, long count, uint32_t program_id)
{
	char packet[64] = {};
	/* A record takes 72 bytes, and a full ring lacks one byte of its size. */
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (map->max_entries - 1) / 72);
	int program = bpf_prog_get_fd_by_id(program_id);
	struct ring_buffer *ring = ring_buffer__new(map->fd, on_event, NULL, NULL);
	uint64_t start, total = 0;

	if (program < 0 || !ring)
		return fail("open the ring buffer");
	while (count--) {
		if (bpf_prog_test_run_opts(program, &run))
			return fail("run");
		start = now();
		if (ring_buffer__consume(ring) != run.repeat) {
			printf("error not every event was there\n");
			return;
		}
		total += now() - start;
	}
	printf("%llu\n", (unsigned long long)total);
	ring_buffer__free(ring);
	close(program);
}

static void lookup(const struct map *map, long count)
{
	void *value = allocate(map->value_size);
	uint64_t start = now();

	for (long i = 0; i < count; i++) {
		uint32_t key = i % map->max_entries;

		if (bpf_map_lookup_elem(map->fd, &key, value))
			return fail("lookup");
		sink = *(uint64_t *)value;
	}
	answer(start);
	free(value);
}

static void percpu_lookup(const struct map *map, long count, int sums)
{
	long words = (map->value_size + 7) / 8;
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = allocate(words * 8 * cpus);
	uint64_t *sum = allocate(words * 8);
	uint64_t start = now();

	for (long i = 0; i < count; i++) {
		uint32_t key = i % map->max_entries;

		if (bpf_map_lookup_elem(map->fd, &key, values))
			return fail("per-CPU lookup");
		if (!sums) {
			sink = values[0];
			continue;
		}
		memset(sum, 0, words * 8);
		for (int cpu = 0; cpu < cpus; cpu++)
			for (long word = 0; word < words; word++)
				sum[word] += values[cpu * words + word];
		sink = sum[0];
	}
	answer(start);
	free(values);
	free(sum);
}

static uint64_t sum_words(const uint32_t *words, size_t bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < bytes / 4; i++)
		sum += words[i];
	return sum;
}

static void batch_lookup(const struct map *map, long count, uint32_t batch, int sums)
{
	void *keys = allocate((size_t)batch * map->key_size);
	void *values = allocate((size_t)batch * map->value_size);
	uint64_t start = now();

	while (count--) {
		uint32_t position = 0, got, seen = 0;
		int result, first = 1;

		do {
			got = batch;
			result = bpf_map_lookup_batch(map->fd, first ? NULL : &position, &position, keys, values, &got, NULL);
			if (result && errno != ENOENT)
				return fail("batch lookup");
			if (sums)
				sink = sum_words(keys, (size_t)got * map->key_size) +
				       sum_words(values, (size_t)got * map->value_size);
			seen += got;
			first = 0;
		} while (!result);
		if (seen != map->max_entries) {
			errno = ENOENT;
			return fail("batch lookup saw not every entry");
		}
	}
	answer(start);
	free(keys);
	free(values);
}

static void iterate(const struct map *map, long count)
{
	uint32_t *key = allocate(map->key_size), *next = allocate(map->key_size);
	void *value = allocate(map->value_size);
	uint64_t start = now();

	while (count--) {
		uint32_t seen = 0;
		void *from = NULL;

		while (!bpf_map_get_next_key(map->fd, from, next)) {
			if (bpf_map_lookup_elem(map->fd, next, value))
				return fail("lookup");
			sink = *next + *(uint64_t *)value;
			memcpy(key, next, map->key_size);
			from = key;
			seen++;
		}
		if (seen != map->max_entries) {
			errno = ENOENT;
			return fail("iteration saw not every entry");
		}
	}
	answer(start);
	free(key);
	free(next);
	free(value);
}

static void batch_update(const struct map *map, long count, uint32_t batch)
{
	uint32_t *keys = allocate((size_t)map->max_entries * map->key_size);
	char *values = allocate((size_t)map->max_entries * map->value_size);
	uint64_t start;

	for (uint32_t i = 0; i < map->max_entries; i++)
		keys[i] = i;
	start = now();
	while (count--) {
		for (uint32_t at = 0; at < map->max_entries; at += batch) {
			uint32_t left = map->max_entries - at, size = left < batch ? left : batch;

			if (bpf_map_update_batch(map->fd, keys + at, values + (size_t)at * map->value_size, &size, NULL))
				return fail("batch update");
		}
	}
	answer(start);
	free(keys);
	free(values);
}

static void on_map(const char *verb, uint32_t id, long count, uint32_t batch)
{
	struct map map;

	if (open_map(id, &map))
		return fail("open map");
	if (!strcmp(verb, "lookup"))
		lookup(&map, count);
	else if (!strcmp(verb, "percpu-lookup"))
		percpu_lookup(&map, count, 0);
	else if (!strcmp(verb, "percpu-sum"))
		percpu_lookup(&map, count, 1);
	else if (!strcmp(verb, "iterate"))
		iterate(&map, count);
	else if (!strcmp(verb, "drain"))
		drain(&map, count, batch);
	else if (!strcmp(verb, "batch-lookup") && batch)
		batch_lookup(&map, count, batch, 0);
	else if (!strcmp(verb, "batch-sum") && batch)
		batch_lookup(&map, count, batch, 1);
	else if (!strcmp(verb, "batch-update") && batch)
		batch_update(&map, count, batch);
	else
		printf("error unknown command %s\n", verb);
	close(map.fd);
}

int main(void)
{
	char line[4608], verb[32], path[4096];
	unsigned int id, batch;
	long count;

	libbpf_set_print(silent);
	/* Ctrl-C reaches this process too, but when to end is for the other side to say. */
	signal(SIGINT, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		batch = 0;
		if (sscanf(line, "load %4095s %ld", path, &count) == 2)
			open_object(path, count, 1);
		else if (sscanf(line, "open %4095s %ld", path, &count) == 2)
			open_object(path, count, 0);
		else if (sscanf(line, "btf %4095s %ld", path, &count) == 2)
			read_btf(path, count, NULL);
		else if (sscanf(line, "btf-find %4095s %ld", path, &count) == 2)
			read_btf(path, count, "sk_buff");
		else if (sscanf(line, "%31s %u %ld %u", verb, &id, &count, &batch) >= 3)
			on_map(verb, id, count, batch);
		else
			printf("error unknown command\n");
	}
	return 0;
}
