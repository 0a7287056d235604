/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * kafka_broker TOPIC: librdkafka's mock of a Kafka broker, and a reader of the topic.
 *
 * The first line of its output is HOST:PORT of the broker; then comes a line for each message: its
 * key, a tab, its value. Lives until it is killed.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <string.h>

#define N_PARTITIONS 4
#define POLL_MS 1000

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
        char error[512];
        rd_kafka_t *k = rd_kafka_new(type, conf, error, sizeof(error));

        if (!k)
                fprintf(stderr, "%s\n", error);
        return k;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
        char error[512];

        if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
                return 0;
        fprintf(stderr, "%s\n", error);
        return 1;
}

static void show(const rd_kafka_message_t *m)
{
        if (m->err)
                return;
        fwrite(m->key, 1, m->key_len, stdout);
        putchar('\t');
        fwrite(m->payload, 1, m->len, stdout);
        putchar('\n');
}

int main(int argc, char **argv)
{
        rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(N_PARTITIONS);
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_mock_cluster_t *cluster;
        rd_kafka_t *host, *reader;

        if (argc != 2)
                return 64;
        host = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
        cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
        if (!cluster || rd_kafka_mock_topic_create(cluster, argv[1], N_PARTITIONS, 1))
                return 1;
        if (set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster)) ||
            set(conf, "group.id", "test") || set(conf, "auto.offset.reset", "earliest"))
                return 1;
        reader = client(RD_KAFKA_CONSUMER, conf);
        if (!reader)
                return 1;
        for (int p = 0; p < N_PARTITIONS; p++)
                rd_kafka_topic_partition_list_add(parts, argv[1], p)->offset = 0;
        if (rd_kafka_assign(reader, parts))
                return 1;
        printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        for (;;) {
                rd_kafka_message_t *m;

                fflush(stdout);
                m = rd_kafka_consumer_poll(reader, POLL_MS);
                if (!m)
                        continue;
                show(m);
                rd_kafka_message_destroy(m);
        }
}
