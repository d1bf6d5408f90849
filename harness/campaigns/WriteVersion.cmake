# Writes the header of version.h.in; configure_file leaves it alone where nothing has changed.
set(REVISION "unknown")
find_program(GIT git)
if(GIT)
    execute_process(
        COMMAND "${GIT}" describe --always --dirty --abbrev=40 --exclude=*
        WORKING_DIRECTORY "${SOURCE_DIR}"
        OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
        ERROR_QUIET RESULT_VARIABLE result)
    if(result EQUAL 0)
        set(REVISION "${described}")
    endif()
endif()

if(COMPILER_ID STREQUAL "GNU")
    set(COMPILER_ID "GCC")
endif()
set(COMPILER "${COMPILER_ID} ${COMPILER_VERSION}")
if(SANITIZE)
    string(APPEND FLAGS " -fsanitize=${SANITIZE}")
endif()
if(NOT BUILD_TYPE)
    set(BUILD_TYPE "none")
endif()
# The flags stand inside a C text.
string(REPLACE "\\" "\\\\" FLAGS "${FLAGS}")
string(REPLACE "\"" "\\\"" FLAGS "${FLAGS}")
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
