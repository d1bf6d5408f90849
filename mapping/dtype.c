/* Parsing element types. */
#include "mapping/dtype.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mapping/message.h"

static const struct known_type {
    const char *sized; /* without the byte order */
    const char *code;  /* numpy's one-letter code */
    const char *name;  /* takes no byte order */
    uint32_t item_bytes;
    uint32_t unit_bytes;
} known_types[MARRAY_TYPE_COUNT] = {
    [MARRAY_B1] = {"b1", "?", "bool", 1, 1},      [MARRAY_I1] = {"i1", "b", "int8", 1, 1},
    [MARRAY_I2] = {"i2", "h", "int16", 2, 2},     [MARRAY_I4] = {"i4", "i", "int32", 4, 4},
    [MARRAY_I8] = {"i8", "q", "int64", 8, 8},     [MARRAY_U1] = {"u1", "B", "uint8", 1, 1},
    [MARRAY_U2] = {"u2", "H", "uint16", 2, 2},    [MARRAY_U4] = {"u4", "I", "uint32", 4, 4},
    [MARRAY_U8] = {"u8", "Q", "uint64", 8, 8},    [MARRAY_F2] = {"f2", "e", "float16", 2, 2},
    [MARRAY_F4] = {"f4", "f", "float32", 4, 4},   [MARRAY_F8] = {"f8", "d", "float64", 8, 8},
    [MARRAY_C8] = {"c8", "F", "complex64", 8, 4}, [MARRAY_C16] = {"c16", "D", "complex128", 16, 8},
};

static const char machine_order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';

static bool is_order(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '|';
}

static bool find_type(const char *text, bool may_be_name, enum marray_type *type)
{
    for (int i = 0; i < MARRAY_TYPE_COUNT; i++) {
        const struct known_type *known = &known_types[i];
        if (!strcmp(text, known->sized) || !strcmp(text, known->code) ||
            (may_be_name && !strcmp(text, known->name))) {
            *type = (enum marray_type)i;
            return true;
        }
    }
    return false;
}

static int refuse(const char *text, const char *body, struct marray_message *message)
{
    if (body[0] == 'O')
        return marray_fail(message, -EINVAL, "dtype '%s': objects cannot be mapped", text);
    size_t digits = body[0] ? strspn(body + 1, "0123456789") : 0;
    bool is_flexible = body[0] && strchr("SUVMma", body[0]);
    bool is_long_double =
        !strcmp(body, "g") || !strcmp(body, "G") || !strcmp(body, "f16") || !strcmp(body, "c32");
    if ((is_flexible && (body[1 + digits] == '\0' || body[1 + digits] == '[')) || is_long_double)
        return marray_fail(message, -ENOTSUP,
                           "dtype '%s' is not supported: use bool, i1 to i8, u1 to u8, f2 to f8, "
                           "c8 or c16",
                           text);
    return marray_fail(message, -EINVAL,
                       "'%s' is not a dtype: write one as numpy does, such as '<f8' or '|u1'",
                       text);
}

int marray_dtype_parse(const char *text, struct marray_dtype *dtype, struct marray_message *message)
{
    bool has_order = is_order(text[0]);
    const char *body = text + has_order;
    enum marray_type type;
    if (!find_type(body, !has_order, &type))
        return refuse(text, body, message);

    struct marray_dtype parsed = {
        .type = type,
        .item_bytes = known_types[type].item_bytes,
        .unit_bytes = known_types[type].unit_bytes,
    };
    /* numpy takes '|' before a longer type for the machine's order. */
    char order = has_order && (text[0] == '<' || text[0] == '>') ? text[0] : machine_order;
    if (parsed.unit_bytes == 1)
        order = '|';
    parsed.swapped = order != '|' && order != machine_order;
    snprintf(parsed.descr, sizeof(parsed.descr), "%c%s", order, known_types[type].sized);
    *dtype = parsed;
    return 0;
}
