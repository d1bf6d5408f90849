/* What the program shows to plug-ins; everything else in it is hidden. */
#ifndef MM_COMMON_PUBLIC_H
#define MM_COMMON_PUBLIC_H

#define MM_PUBLIC __attribute__((visibility("default")))

#endif
