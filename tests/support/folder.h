/* Folders that tests make and take away. */
#ifndef MM_TESTS_SUPPORT_FOLDER_H
#define MM_TESTS_SUPPORT_FOLDER_H

/* Removes a folder and all that is in it, following no links. 0, or -1 with errno. */
int mm_test_remove_folder(const char *path);

#endif
