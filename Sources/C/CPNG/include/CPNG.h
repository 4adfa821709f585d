// libpng reports errors by longjmp, which Swift cannot receive: these two functions catch them.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct {
    uint32_t width;
    uint32_t height;
    // 1 when the pixels are gray (with or without alpha), 0 when they have colour.
    int gray;
} canopy_png_header;

// The pixels' form after decoding, top row first, no padding.
enum {
    CANOPY_PNG_GRAY = 1,   // one byte a pixel; only for images whose header says gray
    CANOPY_PNG_RGBX = 4,   // red, green, blue and a filler byte
};

// Reads the header. Returns 0, or −1 with a text in `error`.
int canopy_png_read_header(
    const uint8_t *bytes, size_t count, canopy_png_header *header, char *error,
    size_t error_capacity);

// Decodes the whole image into `pixels`, which must hold width × height × 4 bytes. Any bit depth,
// colour type and interlacing; alpha is dropped, 16-bit colour keeps its high byte, 16-bit gray
// without alpha is clipped to 255. `pixel_limit` bounds width × height. Returns 0, or −1 with a
// text in `error`: damage and truncation are errors.
int canopy_png_decode(
    const uint8_t *bytes, size_t count, uint64_t pixel_limit, int form, uint8_t *pixels,
    char *error, size_t error_capacity);

#pragma clang assume_nonnull end
