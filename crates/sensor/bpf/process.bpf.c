// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Process events: execution, fork and end of a process, written to one ring buffer.
//
// A record is `struct record`, for an execution followed by `struct image` and four byte strings whose
// lengths stand in it: path parts, file name, arguments, cgroup name. `src/record.rs` reads it and must
// change together with it. A record that does not fit the ring is counted by kind, so that
// what user space received plus what is counted is what happened.
//
// Every program exists twice, for BTF-typed and for raw tracepoints; both get the same arguments.

#include "kernel_types.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { KIND_EXEC = 1, KIND_FORK = 2, KIND_EXIT = 3, KINDS = 4 };

enum {
    FLAG_ARGUMENTS_CUT = 1,        // more arguments than fit
    FLAG_ARGUMENTS_UNREADABLE = 2, // the page was not there
    FLAG_PATH_CUT = 4,             // deeper or longer than we follow
    FLAG_PATH_DETACHED = 8,        // the file hangs in no directory: a memfd
    FLAG_LOGIN_KNOWN = 16,         // login_uid and login_session are filled
};

enum {
    PATH_PARTS_MAX = 48,
    PATH_BYTES = 2048, // powers of two, so that an offset can be masked where the verifier wants a bound
    NAME_BYTES = 256,
    ARGUMENT_BYTES = 4096,
    TAIL_BYTES = 8192, // at least PATH_BYTES + 3 * NAME_BYTES + ARGUMENT_BYTES
};

struct record {
    u32 kind;
    u32 flags;
    u64 time_ns; // since boot, as all times here
    u64 start_ns;
    u64 parent_start_ns;
    u32 pid;
    u32 parent_pid;
    u32 session;
    s32 exit_code;
    u32 uid;
    u32 gid;
    u32 euid;
    u32 login_uid;
    u32 login_session;
    u32 reserved;
    u64 cgroup_id;
    u64 capabilities;
    char comm[16];
};

struct image {
    u64 inode;
    u64 size_bytes;
    s64 modified_sec;
    u32 modified_nsec;
    u32 device;
    u32 nlink;
    u32 argument_bytes; // in the process; `argument_len` is what we copied
    u16 path_len;
    u16 file_name_len;
    u16 argument_len;
    u16 cgroup_len;
    char tty[16];
};

// Where the walk along a path stands.
struct walk {
    struct dentry *dentry;
    struct mount *mount;
    u32 length;
};

struct exec_record {
    struct record head;
    struct image image;
    // Longer than TAIL_BYTES by the longest single write, so that masking the offset is enough.
    u8 tail[TAIL_BYTES + ARGUMENT_BYTES];
    struct walk walk; // not sent
};

struct {
    MAP_NUMBER(type, MAP_RINGBUF);
    MAP_NUMBER(max_entries, 8 << 20);
} events SEC(".maps");

struct {
    MAP_NUMBER(type, MAP_PERCPU_ARRAY);
    MAP_NUMBER(max_entries, KINDS);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, u64);
} lost SEC(".maps");

struct {
    MAP_NUMBER(type, MAP_PERCPU_ARRAY);
    MAP_NUMBER(max_entries, 1);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct exec_record);
} scratch SEC(".maps");

INLINE void send(void *record, u64 size, u32 kind) {
    if (bpf_ringbuf_output(&events, record, size, 0) == 0)
        return;
    u64 *count = bpf_map_lookup_elem(&lost, &kind);
    if (count)
        __sync_fetch_and_add(count, 1);
}

INLINE u32 session_of(struct signal_struct *signal) {
    struct pid *pid = 0;
    bpf_probe_read_kernel(&pid, sizeof(pid), &signal->pids[3]); // PIDTYPE_SID
    int number = 0;
    bpf_probe_read_kernel(&number, sizeof(number), &pid->numbers[0].nr);
    return number;
}

INLINE void fill(struct record *record, u32 kind, struct task_struct *task) {
    struct task_struct *leader = READ(task, group_leader);
    struct task_struct *parent = READ(READ(task, real_parent), group_leader);
    struct cred *cred = READ(task, cred);

    record->kind = kind;
    record->flags = 0;
    record->time_ns = bpf_ktime_get_boot_ns();
    record->start_ns = READ(leader, start_boottime);
    record->parent_start_ns = READ(parent, start_boottime);
    record->pid = READ(task, tgid);
    record->parent_pid = READ(parent, tgid);
    record->session = session_of(READ(task, signal));
    record->exit_code = 0;
    record->uid = READ(cred, uid.val);
    record->gid = READ(cred, gid.val);
    record->euid = READ(cred, euid.val);
    record->login_uid = 0;
    record->login_session = 0;
    record->reserved = 0;
    if (EXISTS(task, loginuid)) {
        record->flags = FLAG_LOGIN_KNOWN;
        record->login_uid = READ(task, loginuid.val);
        record->login_session = READ(task, sessionid);
    }
    record->cgroup_id = bpf_get_current_cgroup_id();
    record->capabilities = 0;
    bpf_probe_read_kernel(&record->capabilities, sizeof(u64), &cred->cap_effective);
    bpf_probe_read_kernel(record->comm, sizeof(record->comm), &task->comm);
}

INLINE void fill_file(struct image *image, struct file *file) {
    struct inode *inode = READ(file, f_inode);
    image->inode = READ(inode, i_ino);
    image->size_bytes = READ(inode, i_size);
    image->nlink = READ(inode, i_nlink);
    image->device = READ(READ(inode, i_sb), s_dev);
    if (EXISTS(inode, i_mtime_sec)) {
        image->modified_sec = READ(inode, i_mtime_sec);
        image->modified_nsec = READ(inode, i_mtime_nsec);
        return;
    }
    struct inode___6_7 *inode_6_7 = (void *)inode;
    if (EXISTS(inode_6_7, __i_mtime)) {
        image->modified_sec = READ(inode_6_7, __i_mtime.tv_sec);
        image->modified_nsec = READ(inode_6_7, __i_mtime.tv_nsec);
        return;
    }
    struct inode___old *inode_old = (void *)inode;
    image->modified_sec = READ(inode_old, i_mtime.tv_sec);
    image->modified_nsec = READ(inode_old, i_mtime.tv_nsec);
}

// Writes the parts of the file's path, last part first, each with its terminating zero. Mounts are crossed
// upwards to the root of the mount namespace.
//
// The state of the walk is kept in the record, not in registers: what the verifier reads back from map memory
// is an unknown number, so every way through one turn of the loop ends in the same state and is checked
// once. With registers the ways multiply from turn to turn, until the verifier gives up.
INLINE void path_parts(struct exec_record *record, struct file *file) {
    volatile struct walk *walk = &record->walk;
    u64 to_mount = OFFSET(struct mount, mnt);

    walk->length = 0;
    walk->dentry = READ(file, f_path.dentry);
    walk->mount = (void *)READ(file, f_path.mnt) - to_mount;
    for (int i = 0; i < PATH_PARTS_MAX; i++) {
        struct dentry *dentry = walk->dentry;
        struct mount *mount = walk->mount;
        struct dentry *parent = READ(dentry, d_parent);
        if (dentry == READ(mount, mnt.mnt_root)) {
            walk->mount = READ(mount, mnt_parent);
            walk->dentry = READ(mount, mnt_mountpoint);
            if (walk->mount == mount)
                return;
            continue;
        }
        u32 length = walk->length & (PATH_BYTES - 1);
        long copied = bpf_probe_read_kernel_str(&record->tail[length], NAME_BYTES, READ(dentry, d_name.name));
        if (copied <= 0 || length + copied >= PATH_BYTES)
            break;
        walk->length = length + copied;
        walk->dentry = parent;
        if (parent == dentry) {
            record->head.flags |= FLAG_PATH_DETACHED;
            return;
        }
    }
    record->head.flags |= FLAG_PATH_CUT;
}

INLINE u32 append_string(struct exec_record *record, u32 at, const void *from) {
    long copied = bpf_probe_read_kernel_str(&record->tail[at & (TAIL_BYTES - 1)], NAME_BYTES, from);
    return copied > 0 ? copied : 0;
}

INLINE u32 append_arguments(struct exec_record *record, u32 at, struct mm_struct *mm) {
    u64 start = READ(mm, arg_start);
    u64 real = READ(mm, arg_end) - start;
    record->image.argument_bytes = real;
    u64 length = real;
    if (length >= ARGUMENT_BYTES) {
        record->head.flags |= FLAG_ARGUMENTS_CUT;
        length = ARGUMENT_BYTES - 1;
    }
    // Keeps the compiler from dropping the mask as redundant: the verifier does not follow the comparison.
    asm volatile("" : "+r"(length));
    length &= ARGUMENT_BYTES - 1;
    if (bpf_probe_read_user(&record->tail[at & (TAIL_BYTES - 1)], length, (void *)start) != 0) {
        record->head.flags |= FLAG_ARGUMENTS_UNREADABLE;
        return 0;
    }
    return length;
}

INLINE int on_exec(u64 *args) {
    u32 zero = 0;
    struct exec_record *record = bpf_map_lookup_elem(&scratch, &zero);
    if (!record)
        return 0;
    struct task_struct *task = (void *)args[0];
    struct linux_binprm *bprm = (void *)args[2];
    struct mm_struct *mm = READ(task, mm);
    struct file *file = READ(mm, exe_file);
    struct image *image = &record->image;

    fill(&record->head, KIND_EXEC, task);
    fill_file(image, file);
    if (bpf_probe_read_kernel_str(image->tty, sizeof(image->tty), &READ(READ(task, signal), tty)->name) < 0)
        image->tty[0] = 0;

    path_parts(record, file);
    u32 at = record->walk.length & (PATH_BYTES - 1);
    image->path_len = at;
    image->file_name_len = append_string(record, at, READ(bprm, filename));
    at += image->file_name_len;
    image->argument_len = append_arguments(record, at, mm);
    at += image->argument_len;
    image->cgroup_len = append_string(record, at, READ(READ(READ(READ(task, cgroups), dfl_cgrp), kn), name));
    at += image->cgroup_len;

    asm volatile("" : "+r"(at));
    at &= TAIL_BYTES - 1;
    send(record, sizeof(record->head) + sizeof(record->image) + at, KIND_EXEC);
    return 0;
}

INLINE int on_fork(u64 *args) {
    struct task_struct *child = (void *)args[1];
    if (READ(child, pid) != READ(child, tgid))
        return 0; // a thread
    struct record record;
    fill(&record, KIND_FORK, child);
    send(&record, sizeof(record), KIND_FORK);
    return 0;
}

INLINE int on_exit(u64 *args) {
    struct task_struct *task = (void *)args[0];
    struct signal_struct *signal = READ(task, signal);
    // The kernel counts the thread out before it calls us; the process ends with the last one. Two last
    // threads on two processors may both see zero: user space ignores the second record.
    if (READ(signal, live.counter) != 0)
        return 0;
    struct record record;
    fill(&record, KIND_EXIT, task);
    record.exit_code = READ(signal, group_exit_code);
    if (record.exit_code == 0)
        record.exit_code = READ(task, exit_code);
    send(&record, sizeof(record), KIND_EXIT);
    return 0;
}

#define TRACEPOINT(event, handler)                                                                           \
    SEC("tp_btf/sched_process_" #event) int typed_##event(u64 *args) { return handler(args); }               \
    SEC("raw_tp/sched_process_" #event) int raw_##event(u64 *args) { return handler(args); }

TRACEPOINT(exec, on_exec)
TRACEPOINT(fork, on_fork)
TRACEPOINT(exit, on_exit)
