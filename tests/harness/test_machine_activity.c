/* What the machine did meanwhile: read from the kernel's files, and said to be missing where it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/machine_activity.h"
#include "tests/harness/data_folder.h"

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* Places that lie in folder. */
static struct mm_machine_places places_in(const char *folder)
{
    struct mm_machine_places places;
    snprintf(places.device_stat, sizeof(places.device_stat), "%s/stat", folder);
    snprintf(places.interrupts, sizeof(places.interrupts), "%s/interrupts", folder);
    return places;
}

static void clean(const struct mm_machine_places *places, const char *folder)
{
    unlink(places->device_stat);
    unlink(places->interrupts);
    assert_int_equal(rmdir(folder), 0);
}

static void differences_are_in_bytes_and_of_all_processors(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    struct mm_machine_reading before;
    struct mm_machine_reading after;
    if (!data_folder_make(folder))
        skip();
    struct mm_machine_places places = places_in(folder);
    write_text(places.device_stat, " 10 0 100 5 20 0 200 7 0 30 12 0 0 0 0 3 1\n");
    write_text(places.interrupts, "           CPU0       CPU1\n  0:  7 8  timer\n"
                                  "TLB:  100  50   TLB shootdowns\n");
    mm_machine_read(&places, &before);
    write_text(places.device_stat, " 10 0 108 5 20 0 203 7 0 35 12 0 0 0 0 5 1\n");
    write_text(places.interrupts, "           CPU0       CPU1\n  0:  7 8  timer\n"
                                  "TLB:  103  54   TLB shootdowns\n");
    mm_machine_read(&places, &after);
    json_t *machine = mm_machine_difference(&before, &after);
    assert_int_equal(number(machine, "device_read_bytes"), 8 * 512);
    assert_int_equal(number(machine, "device_written_bytes"), 3 * 512);
    assert_int_equal(number(machine, "device_flushes"), 2);
    assert_int_equal(number(machine, "device_busy_ns"), 5000000);
    assert_int_equal(number(machine, "tlb_shootdowns"), 7);
    json_decref(machine);
    clean(&places, folder);
}

static void what_the_kernel_does_not_tell_is_unavailable_and_not_zero(void **state)
{
    (void)state;
    static const char *const names[] = {"device_read_bytes", "device_written_bytes",
                                        "device_flushes", "device_busy_ns", "tlb_shootdowns"};
    char folder[DATA_FOLDER_BYTES];
    struct mm_machine_reading reading;
    if (!data_folder_make(folder))
        skip();
    struct mm_machine_places places = places_in(folder);
    /* A line that is too short, and a processor whose list has no such line. */
    write_text(places.device_stat, "1 2 3\n");
    write_text(places.interrupts, "IPI0:  100  50   Rescheduling interrupts\n");
    mm_machine_read(&places, &reading);
    json_t *machine = mm_machine_difference(&reading, &reading);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(json_object_get(json_object_get(machine, names[i]), "unavailable"));
    json_decref(machine);
    clean(&places, folder);
}

/* The file of a test is on a disk, but that disk may be a network's. */
static void a_file_on_a_disk_has_a_device_whose_counters_grow(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 8];
    struct mm_machine_places places;
    struct mm_machine_reading before;
    struct mm_machine_reading after;
    if (!data_folder_make(folder))
        skip();
    snprintf(path, sizeof(path), "%s/data", folder);
    mm_machine_places(folder, &places);
    mm_machine_read(&places, &before);
    assert_true(data_file_make(path, 1 << 20));
    mm_machine_read(&places, &after);
    unlink(path);
    rmdir(folder);
    if (!before.device_valid || !after.device_valid)
        skip();
    assert_true(after.device_written_bytes - before.device_written_bytes >= 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_in_bytes_and_of_all_processors),
        cmocka_unit_test(what_the_kernel_does_not_tell_is_unavailable_and_not_zero),
        cmocka_unit_test(a_file_on_a_disk_has_a_device_whose_counters_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
