#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Side lengths above this are refused: no camera makes them, and products stay far below overflow.
#define SIDE_LIMIT 65535
// Bytes of one ancillary chunk (text, profile) that libpng may hold; all of them are skipped
// anyway.
#define CHUNK_LIMIT 65536
// Chunks of metadata that libpng may keep: none is used.
#define CHUNK_COUNT_LIMIT 128

typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    char *error;
    size_t error_capacity;
    png_structp png;
    png_infop info;
    png_bytep *rows;
} reader;

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    reader *state = png_get_io_ptr(png);
    if (count > state->count - state->position) png_error(png, "the file is cut short");
    memcpy(out, state->bytes + state->position, count);
    state->position += count;
}

static void on_error(png_structp png, png_const_charp message) {
    reader *state = png_get_error_ptr(png);
    snprintf(state->error, state->error_capacity, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void close_reader(reader *state) {
    if (state->png != NULL) png_destroy_read_struct(&state->png, &state->info, NULL);
    free(state->rows);
    free(state);
}

// A reader on the heap, so that its fields are the same after a jump; NULL with a text when there
// is no memory.
static reader *open_reader(
    const uint8_t *bytes, size_t count, char *error, size_t error_capacity) {
    reader *state = calloc(1, sizeof *state);
    if (state != NULL) {
        *state = (reader){
            .bytes = bytes, .count = count, .error = error, .error_capacity = error_capacity};
        state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, state, on_error, on_warning);
        if (state->png != NULL) state->info = png_create_info_struct(state->png);
        if (state->info != NULL) return state;
        close_reader(state);
    }
    snprintf(error, error_capacity, "no memory for the reader");
    return NULL;
}

static void read_info(reader *state) {
    png_structp png = state->png;
    png_set_read_fn(png, state, read_bytes);
    png_set_user_limits(png, SIDE_LIMIT, SIDE_LIMIT);
    png_set_chunk_malloc_max(png, CHUNK_LIMIT);
    png_set_chunk_cache_max(png, CHUNK_COUNT_LIMIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_read_info(png, state->info);
}

static void fill_header(reader *state, canopy_png_header *header) {
    header->width = png_get_image_width(state->png, state->info);
    header->height = png_get_image_height(state->png, state->info);
    header->gray = (png_get_color_type(state->png, state->info) & PNG_COLOR_MASK_COLOR) == 0;
}

// Asks libpng for 8-bit gray or RGBX. 16-bit gray without alpha stays as it is: it is clipped
// below.
static void set_transformations(reader *state, int form, int deep_gray) {
    png_structp png = state->png;
    png_byte type = png_get_color_type(png, state->info);
    png_set_interlace_handling(png);
    if (deep_gray) return;
    if (png_get_bit_depth(png, state->info) == 16) png_set_strip_16(png);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, state->info, PNG_INFO_tRNS) || (type & PNG_COLOR_MASK_ALPHA)) {
        png_set_strip_alpha(png);
    }
    if (form == CANOPY_PNG_RGBX) {
        if ((type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
        png_set_filler(png, 255, PNG_FILLER_AFTER);
    }
}

// Turns big-endian 16-bit gray, which lies at the start of `pixels`, into `form`, in place.
static void clip_deep_gray(uint8_t *pixels, size_t count, int form) {
    if (form == CANOPY_PNG_GRAY) {
        for (size_t i = 0; i < count; i++) {
            pixels[i] = pixels[2 * i] != 0 ? 255 : pixels[2 * i + 1];
        }
        return;
    }
    for (size_t i = count; i-- > 0;) {
        uint8_t value = pixels[2 * i] != 0 ? 255 : pixels[2 * i + 1];
        memset(pixels + 4 * i, value, 3);
        pixels[4 * i + 3] = 255;
    }
}

static void read_pixels(reader *state, uint64_t pixel_limit, int form, uint8_t *pixels) {
    png_structp png = state->png;
    canopy_png_header header;
    read_info(state);
    fill_header(state, &header);
    size_t count = (size_t)header.width * header.height;
    if (count > pixel_limit) png_error(png, "more pixels than the limit");
    int deep_gray = png_get_bit_depth(png, state->info) == 16
        && png_get_color_type(png, state->info) == PNG_COLOR_TYPE_GRAY;
    set_transformations(state, form, deep_gray);
    png_read_update_info(png, state->info);
    size_t row = png_get_rowbytes(png, state->info);
    if (row != (size_t)header.width * (deep_gray ? 2 : (size_t)form)) {
        png_error(png, "rows are not as long as the header says");
    }
    state->rows = malloc(header.height * sizeof *state->rows);
    if (state->rows == NULL) png_error(png, "no memory for the rows");
    for (uint32_t y = 0; y < header.height; y++) state->rows[y] = pixels + y * row;
    png_read_image(png, state->rows);
    png_read_end(png, NULL);
    if (deep_gray) clip_deep_gray(pixels, count, form);
}

int canopy_png_read_header(
    const uint8_t *bytes, size_t count, canopy_png_header *header, char *error,
    size_t error_capacity) {
    reader *state = open_reader(bytes, count, error, error_capacity);
    if (state == NULL) return -1;
    if (setjmp(png_jmpbuf(state->png)) != 0) {
        close_reader(state);
        return -1;
    }
    read_info(state);
    fill_header(state, header);
    close_reader(state);
    return 0;
}

int canopy_png_decode(
    const uint8_t *bytes, size_t count, uint64_t pixel_limit, int form, uint8_t *pixels,
    char *error, size_t error_capacity) {
    reader *state = open_reader(bytes, count, error, error_capacity);
    if (state == NULL) return -1;
    if (setjmp(png_jmpbuf(state->png)) != 0) {
        close_reader(state);
        return -1;
    }
    read_pixels(state, pixel_limit, form, pixels);
    close_reader(state);
    return 0;
}
