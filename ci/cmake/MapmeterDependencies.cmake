# The libraries that are not ours, each under one imported name. All are Debian packages; the list
# that installs them is ci/packages.txt.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(benchmark REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(KISSFFT REQUIRED IMPORTED_TARGET kissfft-float)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)

# Debian's libpfm4-dev ships neither a pkg-config nor a CMake file.
find_path(PFM_INCLUDE_DIR perfmon/pfmlib_perf_event.h REQUIRED)
find_library(PFM_LIBRARY pfm REQUIRED)
add_library(pfm INTERFACE IMPORTED)
target_include_directories(pfm INTERFACE "${PFM_INCLUDE_DIR}")
target_link_libraries(pfm INTERFACE "${PFM_LIBRARY}")

if(MAPMETER_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
    pkg_check_modules(RMATH REQUIRED IMPORTED_TARGET libRmath)
endif()
