// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the loaders of boot images: the input is an image itself, or says what to spoil of a good
 * one and where it ends. What must hold: a refusal is one line of printable text, and the start of
 * what was loaded lies in the guest's memory. That no loader leaves the file or that memory, the
 * sanitizers see.
 */
#include <ctype.h>

#include "boot/bytes.h"
#include "boot_fixture.h"
#include "fuzz.h"

#define SPOIL_BYTES	7	/* of input: where (2), how many (1), what (4) */

const unsigned int fuzz_inputs = 30000;

static void take_whole(struct fixture *x, const uint8_t *data, size_t size)
{
	fixture_init(x);
	x->bytes = size < sizeof(x->image) ? size : sizeof(x->image);
	memcpy(x->image, data, x->bytes);
}

/* Headers are short: most of what is spoiled lies in the first page, some anywhere. */
static void spoil(struct fixture *x, const uint8_t *data, size_t size)
{
	for (; size >= SPOIL_BYTES; data += SPOIL_BYTES, size -= SPOIL_BYTES) {
		uint32_t at = (data[0] | data[1] << 8) % (data[2] & 0x80 ? 0x2000 : 0x500);

		memcpy(x->image + at, data + 3, 1 + data[2] % 4);
	}
}

static void check_refusal(const struct failure *f)
{
	size_t length = strnlen(f->text, sizeof(f->text));

	FUZZ_ASSERT(length > 0 && length < sizeof(f->text));
	for (size_t i = 0; i < length; i++)
		FUZZ_ASSERT(isprint((unsigned char)f->text[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const good[])(struct fixture *x) = {
		fixture_bzimage, fixture_pvh, fixture_multiboot,
	};
	static struct fixture x;

	if (size < 3)
		return 0;
	if (data[0] % 4 == 3) {
		take_whole(&x, data + 1, size - 1);
	} else {
		good[data[0] % 4](&x);
		spoil(&x, data + 3, size - 3);
		/* Or it ends early. */
		if (data[0] & 0x80)
			x.bytes = x.bytes * (data[1] | data[2] << 8) / 0xffff;
	}
	x.config.append = data[0] & 0x40 ? "console=ttyS0" : NULL;
	if (fixture_load(&x))
		check_refusal(&x.f);
	else
		FUZZ_ASSERT(memory_at(&x.memory, x.boot.start.rip, 1));
	memory_deinit(&x.memory);
	return 0;
}
