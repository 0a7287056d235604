/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The table: sets of 8 entries, the set by a keyed hash of the file's key, in the set the one that
 * was not asked for the longest gives way. It is of fixed size and has no pointer, so that it can
 * be memory that outlives the process. An entry changes while its state is ENTRY_FREE: a process
 * that is killed in the middle leaves half a hash that nobody takes for one.
 *
 * The requests: a ring.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/siphash.h"
#include "event/hashes.h"
#include "event/stats.h"

#define MAGIC UINT64_C(0x3153534148435845) /* "EXCHASS1": with another layout it is another */
#define WAYS 8
#define N_SETS (8192 / WAYS)

enum entry_state {
        ENTRY_FREE,
        ENTRY_WAITING, /* there is a request */
        ENTRY_KNOWN,
        ENTRY_FAILED, /* and that has been said */
};

struct entry {
        struct file_key key;
        uint8_t sha256[SHA256_SIZE];
        uint32_t state; /* enum entry_state */
        uint32_t used;  /* the table's clock */
};

struct table {
        uint64_t magic;
        uint8_t key[SIPHASH_KEY_SIZE];
        uint32_t clock;
        uint32_t pad[9];
        struct entry entries[N_SETS][WAYS];
};

static_assert(sizeof(struct table) == HASHES_SIZE, "what the header says of its memory");

struct hashes {
        struct table *table; /* borrowed */
        struct hash_request requests[HASH_REQUESTS_MAX];
        unsigned first, n_requests;
        struct hash_stats stats;
};

/* A value that this table cannot have is as good as none. */
static void adopt(struct table *t)
{
        for (size_t i = 0; i < N_SETS; i++)
                for (size_t k = 0; k < WAYS; k++)
                        if (t->entries[i][k].state != ENTRY_KNOWN)
                                t->entries[i][k] = (struct entry){};
}

static int clear(struct table *t)
{
        memset(t, 0, sizeof(*t));
        if (getrandom(t->key, sizeof(t->key), GRND_NONBLOCK) != sizeof(t->key))
                return -errno;
        t->magic = MAGIC;
        return 0;
}

int hashes_new(void *memory, struct hashes **ret)
{
        _cleanup_(hashes_freep) struct hashes *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->table = memory;
        if (h->table->magic == MAGIC) {
                adopt(h->table);
        } else {
                r = clear(h->table);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(h);
        return 0;
}

struct hashes *hashes_free(struct hashes *h)
{
        if (!h)
                return NULL;
        for (size_t i = 0; i < HASH_REQUESTS_MAX; i++)
                free(h->requests[i].path);
        free(h);
        return NULL;
}

static struct file_key key_of(const struct exec_file *f)
{
        return (struct file_key){
                .ino = f->ino,
                .size = f->size,
                .mtime_sec = f->mtime_sec,
                .ctime_sec = f->ctime_sec,
                .mtime_nsec = f->mtime_nsec,
                .ctime_nsec = f->ctime_nsec,
                .dev = f->dev,
        };
}

static struct entry *set_of(struct hashes *h, const struct file_key *key)
{
        const struct span bytes = { (const char *)key, sizeof(*key) };

        return h->table->entries[siphash(h->table->key, bytes) % N_SETS];
}

static struct entry *find(struct hashes *h, const struct file_key *key)
{
        struct entry *set = set_of(h, key);

        for (size_t i = 0; i < WAYS; i++)
                if (set[i].state != ENTRY_FREE && memcmp(&set[i].key, key, sizeof(*key)) == 0)
                        return &set[i];
        return NULL;
}

/* Signed: the clock may have gone round. */
static bool is_older(const struct entry *a, const struct entry *b)
{
        return (int32_t)(a->used - b->used) < 0;
}

/* One that waits must not go: its answer is still to come. NULL: all of them do. */
static struct entry *room_for(struct hashes *h, const struct file_key *key)
{
        struct entry *set = set_of(h, key), *oldest = NULL;

        for (size_t i = 0; i < WAYS; i++) {
                if (set[i].state == ENTRY_FREE)
                        return &set[i];
                if (set[i].state != ENTRY_WAITING && (!oldest || is_older(&set[i], oldest)))
                        oldest = &set[i];
        }
        return oldest;
}

static bool add_request(struct hashes *h, const struct exec_event *event,
                        const struct file_key *key)
{
        struct hash_request *request;
        bool has_name = event->exe.data && !(event->cut & EXEC_CUT(FIELD_EXE)) &&
                        event->facts.exe_file.nlink > 0;

        if (h->n_requests == HASH_REQUESTS_MAX)
                return false;
        request = &h->requests[(h->first + h->n_requests) % HASH_REQUESTS_MAX];
        request->path = strndup(has_name ? event->exe.data : "", has_name ? event->exe.size : 0);
        if (!request->path)
                return false;
        request->key = *key;
        request->file = event->facts.exe_file;
        h->n_requests++;
        return true;
}

static void request_file(struct hashes *h, const struct exec_event *event,
                         const struct file_key *key)
{
        struct entry *entry = room_for(h, key);

        if (!entry || !add_request(h, event, key)) {
                h->stats.dropped++;
                return;
        }
        *entry = (struct entry){
                .key = *key,
                .state = ENTRY_WAITING,
                .used = ++h->table->clock,
        };
}

const uint8_t *hashes_look_up(struct hashes *h, const struct exec_event *event)
{
        const uint32_t needed = FACT_EXE_FILE | FACT_CTIME;
        struct file_key key;
        struct entry *entry;

        if ((event->facts.present & needed) != needed)
                return NULL;
        key = key_of(&event->facts.exe_file);
        entry = find(h, &key);
        if (!entry) {
                if (event->kind == EVENT_EXEC) /* of others it is the caller's, executed before */
                        request_file(h, event, &key);
                return NULL;
        }
        entry->used = ++h->table->clock;
        return entry->state == ENTRY_KNOWN ? entry->sha256 : NULL;
}

const struct hash_request *hashes_next(const struct hashes *h)
{
        return h->n_requests > 0 ? &h->requests[h->first] : NULL;
}

/* In this order: the memory outlives us. */
static void settle(struct entry *entry, const struct hash_answer *answer)
{
        memcpy(entry->sha256, answer->sha256, sizeof(entry->sha256));
        __atomic_store_n(&entry->state, answer->result == HASH_OK ? ENTRY_KNOWN : ENTRY_FAILED,
                         __ATOMIC_RELEASE);
}

void hashes_answer(struct hashes *h, const struct hash_answer *answer)
{
        struct hash_request *request = &h->requests[h->first];
        struct entry *entry;

        assert(h->n_requests > 0);
        entry = find(h, &request->key);
        if (entry)
                settle(entry, answer);
        if (answer->result == HASH_OK)
                h->stats.hashed++;
        else
                h->stats.failed++;
        free(request->path);
        *request = (struct hash_request){};
        h->first = (h->first + 1) % HASH_REQUESTS_MAX;
        h->n_requests--;
}

void hashes_count_restart(struct hashes *h)
{
        h->stats.restarts++;
}

void hashes_fill_stats(const struct hashes *h, struct hash_stats *ret)
{
        *ret = h->stats;
        ret->waiting = h->n_requests;
        ret->is_on = true;
}

struct exec_event hashes_event(const struct hash_request *request, const struct hash_answer *answer,
                               uint64_t boot_ns)
{
        return (struct exec_event){
                .kind = EVENT_FILE,
                .boot_ns = boot_ns,
                .facts = { .present = FACT_EXE_FILE | FACT_CTIME, .exe_file = request->file },
                .exe = request->path[0] ? span_of(request->path) : (struct span){},
                .exe_sha256 = answer->result == HASH_OK ? answer->sha256 : NULL,
                .hash_result = answer->result,
                .hash_error = answer->error,
        };
}
