/* The least and the most of a figure over the peers of a record. */
#include "analysis/peer_spread.h"

#include "common/text.h"
#include "results/record.h"

static void widen(struct mm_peer_range *range, bool first, bool known, double value)
{
    range->known = known && (first || range->known);
    if (first || value < range->least) {
        range->least = value;
    }
    if (first || value > range->most) {
        range->most = value;
    }
}

static void widen_by_member(struct mm_peer_range *range, bool first, const json_t *peer,
                            const char *name)
{
    const char *why;
    double value = 0;
    bool known = mm_record_metric(peer, name, &value, &why);
    widen(range, first, known, value);
}

/* The timed phases of one peer. A peer's phases look like a sample's. */
static void add_phases(struct mm_peer_spread *spread, bool first,
                       const struct mm_launch_sample *peer)
{
    static const char *const timed[] = {"touch", "compute", "flush"};
    const json_t *phases = json_object_get(peer->sample, "phases");
    const struct mm_measure measure = {.read = mm_measure_timed_faults};
    const char *why;
    double elapsed_ns = 0;
    double faults = 0;
    for (size_t i = 0; i < MM_COUNT_OF(timed); i++) {
        double of_phase_ns = 0;
        if (mm_record_metric(json_object_get(phases, timed[i]), "elapsed_ns", &of_phase_ns, &why)) {
            elapsed_ns += of_phase_ns;
        }
    }
    bool known = mm_measure_timed_faults(&measure, peer, &faults, &why);
    widen(&spread->elapsed_ns, first, true, elapsed_ns);
    widen(&spread->faults, first, known, faults);
}

void mm_peer_spread_over(const struct mm_launch_sample *launches, size_t count,
                         struct mm_peer_spread *spread)
{
    bool first = true;
    *spread = (struct mm_peer_spread){0};
    for (size_t i = 0; i < count; i++) {
        const json_t *peers = json_object_get(launches[i].sample, "peers");
        size_t index;
        const json_t *peer;
        json_array_foreach(peers, index, peer)
        {
            const struct mm_launch_sample at = {launches[i].launch, peer};
            spread->processes = json_array_size(peers);
            add_phases(spread, first, &at);
            widen_by_member(&spread->bytes, first, peer, "bytes");
            widen_by_member(&spread->items, first, peer, "items");
            widen_by_member(&spread->start_skew_ns, first, peer, "start_skew_ns");
            first = false;
        }
    }
}
