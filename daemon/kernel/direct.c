/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Before the object is opened, and not between libbpf's relocation and the load, for which libbpf
 * would want a handler that is global: neither number has a relocation, and their instructions stay
 * what they are in number and length.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <linux/bpf.h>

#include "exec_direct.h"
#include "kernel/direct.h"

#define VARIABLE "EXECSNOOPD_NO_DIRECT_LOADS"

static bool is_unwanted(void)
{
        const char *value = getenv(VARIABLE);

        return value && strcmp(value, "1") == 0;
}

void direct_find(const struct btf *kernel, struct direct *ret)
{
        int cast, type;

        *ret = (struct direct){ 0 };
        if (is_unwanted())
                return;
        cast = btf__find_by_name_kind(kernel, DIRECT_CAST_NAME, BTF_KIND_FUNC);
        type = btf__find_by_name_kind(kernel, DIRECT_TYPE_NAME, BTF_KIND_STRUCT);
        if (cast > 0 && type > 0)
                *ret = (struct direct){ .cast = cast, .type = type };
}

static void apply(const struct direct *direct, struct bpf_insn *insn)
{
        if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) && insn->imm == DIRECT_TYPE) {
                insn->imm = (int32_t)direct->type;
        } else if (insn->code == (BPF_JMP | BPF_CALL) && insn->imm == DIRECT_CAST) {
                if (direct->cast)
                        *insn = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
                                                   .src_reg = BPF_PSEUDO_KFUNC_CALL,
                                                   .imm = (int32_t)direct->cast };
                else
                        *insn = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
        }
}

void direct_apply(const struct direct *direct, void *object)
{
        const Elf64_Ehdr *head = object;
        const Elf64_Shdr *section = (void *)((uint8_t *)object + head->e_shoff);

        for (unsigned i = 0; i < head->e_shnum; i++) {
                struct bpf_insn *insn = (void *)((uint8_t *)object + section[i].sh_offset);

                if (!(section[i].sh_flags & SHF_EXECINSTR))
                        continue;
                for (size_t k = 0; k < section[i].sh_size / sizeof(*insn); k++)
                        apply(direct, &insn[k]);
        }
}
