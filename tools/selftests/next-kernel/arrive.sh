# SPDX-License-Identifier: GPL-2.0-only
#
# What the next kernel runs: are its processors as they should be, can the module take them, do guests
# run? Speaks KTAP through the kernel log, where the lab listens.

say()
{
	echo "<4>lab: > $*" >/dev/kmsg
}

n=0
failed=0

# result STATUS NAME
result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		say "ok $n $2"
	else
		failed=1
		say "not ok $n $2"
	fi
}

# EFER.SVME, bit 12 (APM volume 2, 3.1.7). VT-x has no register that tells: there the kernel before
# would have died of clearing CR4.VMXE, and the module's VMXON would fail here.
svm_is_off()
{
	insmod "$(find / -xdev -name msr.ko)" || return
	for cpu in /dev/cpu/[0-9]*; do
		efer=$(dd if="$cpu/msr" bs=8 count=1 iflag=skip_bytes skip=$((0xc0000080)) 2>/dev/null |
			od -A n -t x8 | tr -d ' ')
		say "# EFER of $cpu is $efer"
		[ ${#efer} = 16 ] && [ $((0x$efer >> 12 & 1)) = 0 ] || return
	done
}

echo "<4>lab: booted" >/dev/kmsg
say "KTAP version 1"
say "1..4"
if grep -qw svm /proc/cpuinfo; then
	svm_is_off
	result $? "virtualization is off on every processor"
else
	result 0 "virtualization is off on every processor # SKIP VT-x has no register that tells"
fi
# busybox tries a second time what has failed, so its status alone does not tell.
insmod "$(find / -xdev -name hvm.ko)" && ! dmesg | grep -q "cannot turn virtualization on"
result $? "the module takes the processors"
# QEMU's first processor runs no guest where there are others (Documentation/caveats.rst).
[ "$(nproc)" = 1 ] || taskset -p "$(printf %x $(((1 << $(nproc)) - 2)))" $$ >/dev/null
output=$("$(find / -xdev -name 'test-*')" 2>&1)
status=$?
[ $status = 0 ] || echo "$output" | while read -r line; do say "# $line"; done
result $status "guests run"
rmmod hvm
result $? "the module goes"
echo "<4>lab: STATUS $failed" >/dev/kmsg
