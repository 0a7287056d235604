/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Asks the kernel by a program that is run a few times and goes: see bpf/first.bpf.h. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "execsnoop.skel.h"
#include "host/log.h"
#include "kernel/first_process.h"
#include "kernel/program.h"

static int ask(int program, uint64_t question, uint32_t *ret)
{
        LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &question, .ctx_size_in = sizeof(question));

        if (bpf_prog_test_run_opts(program, &run) < 0)
                return -errno;
        *ret = run.retval;
        return 0;
}

static int ask_all(struct execsnoop_bpf *bpf, uint32_t ret[static _NAMESPACE_MAX])
{
        struct bpf_program *program;
        struct bpf_map *map;
        int r;

        /* But for .rodata, which a skeleton maps, it needs none of the maps. */
        bpf_object__for_each_map(map, bpf->obj)(void)
                bpf_map__set_autocreate(map, bpf_map__is_internal(map));
        bpf_object__for_each_program(program, bpf->obj)(void)
                bpf_program__set_autoload(program, program == bpf->progs.on_question);
        r = execsnoop_bpf__load(bpf);
        for (unsigned i = 0; i < _NAMESPACE_MAX && r >= 0; i++)
                r = ask(bpf_program__fd(bpf->progs.on_question), i, &ret[i]);
        return r;
}

void first_process_namespaces(uint32_t ret[static _NAMESPACE_MAX])
{
        struct execsnoop_bpf *bpf = program_open_object(-1);
        uint32_t namespaces[_NAMESPACE_MAX] = { 0 };
        int r;

        r = bpf ? ask_all(bpf, namespaces) : -errno;
        if (r < 0) {
                log_errno(LOG_NOTICE, r,
                          "Cannot read the namespaces of PID 1; every event has all of its own");
                memset(namespaces, 0, sizeof(namespaces));
        }
        memcpy(ret, namespaces, sizeof(namespaces));
        execsnoop_bpf__destroy(bpf);
}
