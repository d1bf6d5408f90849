/* Folders that tests make and take away. */
#ifndef MM_TESTS_SUPPORT_FOLDER_H
#define MM_TESTS_SUPPORT_FOLDER_H

/* A folder for the files of one test, and the one file in it that most of them use. */
struct mm_test_place {
    char folder[256];
    char file[300];
};

/* Makes the folder in $TMPDIR, or /var/tmp; its name has `subject` in it. NULL with errno. */
struct mm_test_place *mm_test_place_make(const char *subject, const char *file);

/* Removes it with all that is in it, and frees it. 0, or -1 with errno. */
int mm_test_place_remove(struct mm_test_place *place);

/* Removes a folder and all that is in it, following no links. 0, or -1 with errno. */
int mm_test_remove_folder(const char *path);

#endif
