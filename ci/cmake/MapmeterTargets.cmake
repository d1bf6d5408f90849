# The compiler settings and the three functions by which every folder declares its target.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
# Debug information costs no speed and makes every profile of a measured binary readable.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

add_library(mm_compile_options INTERFACE)
target_compile_definitions(mm_compile_options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(mm_compile_options INTERFACE
    -Wall -Wextra -Werror -Wconversion -Wshadow -Wvla -Wformat=2
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(MAPMETER_SANITIZE)
    target_compile_options(mm_compile_options INTERFACE
        -fsanitize=${MAPMETER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(mm_compile_options INTERFACE -fsanitize=${MAPMETER_SANITIZE})
endif()
if(MAPMETER_COVERAGE)
    target_compile_options(mm_compile_options INTERFACE --coverage)
    target_link_options(mm_compile_options INTERFACE --coverage)
endif()
if(MAPMETER_FUZZ)
    target_compile_options(mm_compile_options INTERFACE
        -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
    target_link_options(mm_compile_options INTERFACE -fsanitize=address,undefined)
endif()

# mm_folder(NAME [MAY_INCLUDE target...] [USES target...] SOURCES file...)
# One static library for one folder of the house. MAY_INCLUDE names our own folders, USES what is
# not ours. Headers are included by their path from the root, so the includes show the folder.
function(mm_folder name)
    cmake_parse_arguments(ARG "" "" "MAY_INCLUDE;USES;SOURCES" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${ARG_MAY_INCLUDE} PRIVATE mm_compile_options ${ARG_USES})
endfunction()

# mm_test(NAME LABEL label [SERIAL] [TIMEOUT s] [USES target...] SOURCES file...)
# A test program: exit 0 passes, 77 skips with the reason on its output, all else fails.
function(mm_test name)
    cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "LABEL;USES;SOURCES" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE mm_compile_options ${ARG_USES})
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    mm_test_properties(${name} ${ARGN})
endfunction()

# mm_script_test(NAME LABEL label [SERIAL] [TIMEOUT s] COMMAND word...)
# A test that is a script; the same exit codes. MAPMETER and MAPMETER_SOURCE_DIR are in its
# environment.
function(mm_script_test name)
    cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "LABEL;COMMAND" ${ARGN})
    add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    mm_test_properties(${name} ${ARGN})
endfunction()

function(mm_test_properties name)
    cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "LABEL;USES;SOURCES;COMMAND" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    set_tests_properties(${name} PROPERTIES
        LABELS "${ARG_LABEL}" SKIP_RETURN_CODE 77 TIMEOUT ${ARG_TIMEOUT}
        ENVIRONMENT "MAPMETER=${CMAKE_BINARY_DIR}/mapmeter;MAPMETER_SOURCE_DIR=${PROJECT_SOURCE_DIR};MAPMETER_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHON3=/usr/bin/python3")
    if(ARG_SERIAL)
        set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()
