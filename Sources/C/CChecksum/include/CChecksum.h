#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli), as iSCSI and ext4 use it: that of `count` bytes behind those whose checksum
/// is `crc`, 0 at the start. By the processor's own instruction where it has one.
uint32_t canopy_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by tables, on any processor.
uint32_t canopy_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
