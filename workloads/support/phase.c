/* The names of the phases as they stand in the record. */
#include <assert.h>

#include "common/text.h"
#include "workloads/workload.h"

const char *mm_phase_name(enum mm_phase phase)
{
    static const char *const names[] = {"open", "touch", "compute", "flush", "close"};
    _Static_assert(MM_COUNT_OF(names) == MM_PHASE_COUNT, "a phase without a name");
    assert((unsigned int)phase < MM_PHASE_COUNT);
    return names[phase];
}
