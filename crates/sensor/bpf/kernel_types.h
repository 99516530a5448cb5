// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The few kernel structures the programs read, and nothing else of them: only member names and types
// matter, because `preserve_access_index` has the loader replace every offset by the running kernel's.
// Names after `___` are ignored by the loader; they describe what the same structure was called or
// contained in other kernel versions.

#ifndef BARTIZAN_KERNEL_TYPES_H
#define BARTIZAN_KERNEL_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

// Map declarations are types whose BTF the loader reads: a number is the length of an array type.
#define MAP_NUMBER(name, value) int (*name)[value]
#define MAP_TYPE(name, type) typeof(type) *name

enum { MAP_PERCPU_ARRAY = 6, MAP_RINGBUF = 27 };

// Helpers are called by number; the numbers are part of the kernel's stable interface.
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_get_current_cgroup_id)(void) = (void *)80;
static long (*const bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*const bpf_ktime_get_boot_ns)(void) = (void *)125;
static long (*const bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;

// Reads `from->member` of any kernel pointer, trusted by the verifier or not; zero when unreadable.
#define READ(from, member)                                                                                   \
    ({                                                                                                       \
        typeof((from)->member) value_ = {0};                                                                 \
        bpf_probe_read_kernel(&value_, sizeof(value_), &(from)->member);                                     \
        value_;                                                                                              \
    })
#define EXISTS(from, member) __builtin_preserve_field_info((from)->member, 2)
#define OFFSET(type, member) __builtin_preserve_field_info(((type *)0)->member, 0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    u32 val;
} kuid_t;

typedef struct {
    u32 val;
} kgid_t;

typedef struct {
    int counter;
} atomic_t;

struct qstr {
    const unsigned char *name;
};

struct super_block {
    u32 s_dev;
};

struct timespec64 {
    s64 tv_sec;
    long tv_nsec;
};

struct inode {
    unsigned long i_ino;
    u32 i_nlink;
    s64 i_size;
    struct super_block *i_sb;
    s64 i_mtime_sec; // since 6.11
    u32 i_mtime_nsec;
};

struct inode___6_7 {
    struct timespec64 __i_mtime; // 6.7 to 6.10
};

struct inode___old {
    struct timespec64 i_mtime; // up to 6.6
};

struct dentry {
    struct dentry *d_parent;
    struct qstr d_name;
};

struct vfsmount {
    struct dentry *mnt_root;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    struct file *exe_file;
};

// One 64-bit number, or two 32-bit words up to 6.2, low word first: the same eight bytes on little-endian
// machines, so the type's members are not named here.
typedef struct {
} kernel_cap_t;

struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t euid;
    kernel_cap_t cap_effective;
};

struct upid {
    int nr;
};

struct pid {
    struct upid numbers[1];
};

struct tty_struct {
    char name[64];
};

struct signal_struct {
    atomic_t live;
    int group_exit_code;
    struct pid *pids[4];
    struct tty_struct *tty;
};

struct kernfs_node {
    const char *name;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct css_set {
    struct cgroup *dfl_cgrp;
};

struct task_struct {
    int pid;
    int tgid;
    int exit_code;
    u64 start_boottime;
    char comm[16];
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct mm_struct *mm;
    struct signal_struct *signal;
    struct cred *cred;
    struct css_set *cgroups;
    kuid_t loginuid; // these two only with CONFIG_AUDIT
    u32 sessionid;
};

struct linux_binprm {
    const char *filename;
};

#pragma clang attribute pop

#endif
