/// What the ROM leaves behind about the boot: from which device and place, and whether it was the first choice.
///
/// `rom_passover_t` of imx-sm's `devices/MIMX95/sm/dev_sm_rom.h` and U-Boot's
/// `arch/arm/include/asm/mach-imx/sys_proto.h`. It lies at
/// [`PASSOVER_ADDRESS`](crate::layout::PASSOVER_ADDRESS); software on the A55 cores asks the system manager for
/// it: SCMI protocol 0x84, message 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passover {
    /// Version of the block: 2 on the i.MX95.
    pub version: u8,
    /// 0 by fuses, 1 USB, 2 normal, 3 loop, 4 test.
    pub boot_mode: u32,
    /// Whether a card is addressed by sectors.
    pub card_address_mode: u32,
    /// Bad blocks skipped in the first set, on NAND.
    pub bad_blocks_first: u32,
    /// Bad blocks skipped in the second set, on NAND.
    pub bad_blocks_second: u32,
    /// The messaging unit of the application cores.
    pub messaging_unit: u32,
    /// Which choice it was.
    pub stage: Stage,
    /// The set of containers that was booted.
    pub set: u8,
    /// Where that set ends.
    pub set_end: u32,
    /// Version of the ROM.
    pub rom_version: u32,
    /// State of the device.
    pub device_state: u8,
    /// Which of the devices of its kind it is.
    pub device_instance: u8,
    /// The kind of device.
    pub device: BootDevice,
    /// Bytes of its pages.
    pub page_size: u32,
    /// Where the container's header is on it.
    pub header_offset: u32,
    /// Where the image is on it.
    pub image_offset: u32,
}

/// Which choice of the ROM was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// 5: over USB or a serial line.
    Serial,
    /// 6: the first choice.
    Primary,
    /// 9: the second, because the first was invalid.
    Secondary,
    /// 10: the recovery device.
    Recovery,
}

/// What was booted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootDevice {
    /// 0: memory that was filled before.
    Preload,
    /// 1: an SD card.
    Sd,
    /// 2: an eMMC.
    Mmc,
    /// 4: NOR flash on FlexSPI.
    FlexSpiNor,
    /// 6: an EEPROM or NOR flash on LPSPI.
    LpSpi,
    /// 8: NAND flash on FlexSPI.
    FlexSpiNand,
    /// 14: USB.
    Usb,
    /// Another number.
    Other(u8),
}

/// Why bytes are no passover block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassoverError {
    /// Too few bytes.
    #[error("a passover block has {need} bytes, not {have}")]
    Truncated {
        /// Bytes given.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// Another tag or size: there is no block.
    #[error("no passover block: tag {tag:#06x} and size {size:#04x}")]
    Tag {
        /// The tag; a block has 0x504f.
        tag: u16,
        /// The size; a block has 0x80.
        size: u8,
    },
    /// An unknown stage.
    #[error("the passover block has the unknown boot stage {stage:#04x}")]
    Stage {
        /// The stage.
        stage: u8,
    },
}

/// "OP", as a number in little-endian order.
const TAG: u16 = 0x504f;
/// What the block says of its own size, though its fields end before.
const SIZE: u8 = 0x80;

impl Passover {
    /// Bytes of the fields; the block has 0x80.
    pub const LEN: usize = 52;

    /// Reads the block at the start of `bytes`.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PassoverError> {
        let Some(block) = bytes.first_chunk::<{ Self::LEN }>() else {
            return Err(PassoverError::Truncated { have: bytes.len(), need: Self::LEN });
        };
        let byte = |at: usize| block.get(at).copied().unwrap_or(0);
        let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|index| byte(at + index)));
        let (tag, size) = (u16::from_le_bytes([byte(0), byte(1)]), byte(2));
        if (tag, size) != (TAG, SIZE) {
            return Err(PassoverError::Tag { tag, size });
        }
        let stage = Stage::from_number(byte(24)).ok_or(PassoverError::Stage { stage: byte(24) })?;
        Ok(Self {
            version: byte(3),
            boot_mode: word(4),
            card_address_mode: word(8),
            bad_blocks_first: word(12),
            messaging_unit: word(16),
            bad_blocks_second: word(20),
            stage,
            set: byte(25),
            set_end: word(28),
            rom_version: word(32),
            device_state: byte(36),
            device_instance: byte(37),
            device: BootDevice::from_number(byte(38)),
            page_size: word(40),
            header_offset: word(44),
            image_offset: word(48),
        })
    }

    /// The block's fields, reserved bytes zero.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut block = [0; Self::LEN];
        let mut put = |at: usize, bytes: &[u8]| {
            block.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        };
        put(0, &TAG.to_le_bytes());
        put(2, &[SIZE, self.version]);
        let words = [
            (4, self.boot_mode),
            (8, self.card_address_mode),
            (12, self.bad_blocks_first),
            (16, self.messaging_unit),
            (20, self.bad_blocks_second),
            (28, self.set_end),
            (32, self.rom_version),
            (40, self.page_size),
            (44, self.header_offset),
            (48, self.image_offset),
        ];
        words.iter().for_each(|(at, word)| put(*at, &word.to_le_bytes()));
        put(24, &[self.stage.number(), self.set]);
        put(36, &[self.device_state, self.device_instance, self.device.number()]);
        block
    }
}

impl Stage {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            5 => Some(Self::Serial),
            6 => Some(Self::Primary),
            9 => Some(Self::Secondary),
            10 => Some(Self::Recovery),
            _ => None,
        }
    }

    /// The number in the block.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Serial => 5,
            Self::Primary => 6,
            Self::Secondary => 9,
            Self::Recovery => 10,
        }
    }
}

impl BootDevice {
    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Preload,
            1 => Self::Sd,
            2 => Self::Mmc,
            4 => Self::FlexSpiNor,
            6 => Self::LpSpi,
            8 => Self::FlexSpiNand,
            14 => Self::Usb,
            other => Self::Other(other),
        }
    }

    /// The number in the block.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Preload => 0,
            Self::Sd => 1,
            Self::Mmc => 2,
            Self::FlexSpiNor => 4,
            Self::LpSpi => 6,
            Self::FlexSpiNand => 8,
            Self::Usb => 14,
            Self::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field by field at the offsets of `rom_passover_t`.
    fn block() -> [u8; Passover::LEN] {
        let mut block = [0; Passover::LEN];
        block[..4].copy_from_slice(&[0x4f, 0x50, 0x80, 2]);
        block[4] = 2;
        block[24] = 9;
        block[25] = 1;
        block[28..32].copy_from_slice(&[0x00, 0x14, 0x03, 0x00]);
        block[37] = 1;
        block[38] = 2;
        block[41] = 2;
        block[44] = 0x80;
        block
    }

    #[test]
    fn the_fields_are_where_the_rom_puts_them_and_go_back_there() {
        let passover = Passover::from_bytes(&block()).unwrap();
        assert_eq!((passover.version, passover.boot_mode, passover.stage), (2, 2, Stage::Secondary));
        assert_eq!((passover.set, passover.set_end, passover.page_size), (1, 0x3_1400, 512));
        assert_eq!((passover.device, passover.device_instance), (BootDevice::Mmc, 1));
        assert_eq!(passover.header_offset, 0x80);
        assert_eq!(passover.to_bytes(), block());
    }

    #[test]
    fn what_is_no_block_is_refused() {
        assert_eq!(
            Passover::from_bytes(&block()[..51]),
            Err(PassoverError::Truncated { have: 51, need: 52 })
        );
        assert_eq!(Passover::from_bytes(&[0; 52]), Err(PassoverError::Tag { tag: 0, size: 0 }));
        let mut unknown = block();
        unknown[24] = 7;
        assert_eq!(Passover::from_bytes(&unknown), Err(PassoverError::Stage { stage: 7 }));
    }
}
