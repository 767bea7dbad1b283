// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table says what gdb calls the registers, which feature they belong to, and how large they
 * are; numbers, offsets and the description all follow from it.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "gdb/registers.h"

/**
 * struct group - registers of one kind, one behind the other
 * @feature: gdb's feature that begins here, or NULL: still the last one
 * @names: their names, separated by spaces
 * @bytes: of each
 * @type: gdb's type
 */
struct group {
	const char *feature;
	const char *names;
	unsigned int bytes;
	const char *type;
};

static const struct group groups[] = {
	{ "org.gnu.gdb.i386.core",
	  "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15", 8, "int64" },
	{ NULL, "rip", 8, "code_ptr" },
	{ NULL, "eflags cs ss ds es fs gs", 4, "int32" },
	{ NULL, "st0 st1 st2 st3 st4 st5 st6 st7", 10, "i387_ext" },
	{ NULL, "fctrl fstat ftag fiseg fioff foseg fooff fop", 4, "int" },
	{ "org.gnu.gdb.i386.sse",
	  "xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 xmm8 xmm9 xmm10 xmm11 xmm12 xmm13 xmm14 xmm15",
	  16, "vec128" },
	{ NULL, "mxcsr", 4, "int" },
	{ "org.gnu.gdb.i386.segments", "fs_base gs_base", 8, "int64" },
	{ "org.gnu.gdb.i386.avx",
	  "ymm0h ymm1h ymm2h ymm3h ymm4h ymm5h ymm6h ymm7h ymm8h ymm9h ymm10h ymm11h ymm12h ymm13h"
	  " ymm14h ymm15h", 16, "uint128" },
	{ "org.hvm.control", "cr0 cr2 cr3 cr4 cr8 efer", 8, "int64" },
};

#define GROUPS	(sizeof(groups) / sizeof(groups[0]))

/* gdb wants the vector types spelled out. */
static const char vectors[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
	"<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/>"
	"</union>";

static unsigned int count(const char *names)
{
	unsigned int n = 1;

	for (; *names; names++)
		n += *names == ' ';
	return n;
}

bool gdb_register(unsigned int number, size_t *offset, size_t *bytes)
{
	*offset = 0;
	for (size_t i = 0; i < GROUPS; i++) {
		unsigned int n = count(groups[i].names);

		*bytes = groups[i].bytes;
		if (number < n) {
			*offset += number * *bytes;
			return true;
		}
		number -= n;
		*offset += n * *bytes;
	}
	return false;
}

struct text {
	char *data;
	size_t size;
	size_t length;
};

__attribute__((format(printf, 2, 3)))
static void print(struct text *t, const char *fmt, ...)
{
	size_t room = t->length < t->size ? t->size - t->length : 0;
	va_list ap;

	va_start(ap, fmt);
	t->length += (size_t)vsnprintf(room ? t->data + t->length : NULL, room, fmt, ap);
	va_end(ap);
}

static void describe_group(struct text *t, const struct group *g)
{
	const char *name = g->names;

	while (*name) {
		int length = 0;

		while (name[length] && name[length] != ' ')
			length++;
		print(t, "<reg name=\"%.*s\" bitsize=\"%u\" type=\"%s\"/>", length, name,
		      g->bytes * 8, g->type);
		name += length;
		name += *name == ' ';
	}
}

size_t gdb_description(char *text, size_t size)
{
	struct text t = { text, size, 0 };

	print(&t, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
	      "<architecture>i386:x86-64</architecture>");
	for (size_t i = 0; i < GROUPS; i++) {
		if (groups[i].feature)
			print(&t, "%s<feature name=\"%s\">%s", i ? "</feature>" : "",
			      groups[i].feature, groups[i].bytes == 16 ? vectors : "");
		describe_group(&t, &groups[i]);
	}
	print(&t, "</feature></target>");
	return t.length < size ? t.length : 0;
}

static_assert(sizeof(struct gdb_registers) == 16 * 8 + 8 + 7 * 4 + 80 + 32 + 256 + 4 + 16 + 256 +
	      GDB_CONTROLS * 8, "no gaps");
