use crc::{CRC_32_ISO_HDLC, Crc};

/// Its table lies in read-only data: made where it is used, it would take a kilobyte of stack.
static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The CRC-32 of zlib, of environments and of bootloader control blocks.
pub(crate) fn crc32(data: &[u8]) -> u32 {
    CRC32.checksum(data)
}
