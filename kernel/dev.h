/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vm.
 */
#ifndef HVM_DEV_H
#define HVM_DEV_H

int hvm_dev_register(void);
void hvm_dev_unregister(void);

#endif /* HVM_DEV_H */
