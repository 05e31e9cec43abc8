use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use lzma_rust2::{Action, Status, XzStream};

use super::{Budget, Compression, DeltaError, PartHeaderRef};
use crate::Checksum;

/// How much is inflated before the memory for more is taken, in bytes.
const STEP_BYTES: usize = 256 * 1024;

/// The part without its compression, after its size and checksum were compared with what the superblock says.
///
/// # Errors
/// If they differ, the compression is not known, or the part is damaged or too large.
pub fn unpack<'a>(
    header: &PartHeaderRef<'_>,
    stored: &'a [u8],
    budget: &Budget<'_>,
) -> Result<Cow<'a, [u8]>, DeltaError> {
    let size = u64::try_from(stored.len()).unwrap_or(u64::MAX);
    if size != header.size {
        return Err(DeltaError::PartSize { expected: header.size, actual: size });
    }
    let actual = Checksum::of(stored);
    if actual != header.checksum {
        return Err(DeltaError::PartChecksum { expected: header.checksum, actual });
    }
    let (byte, payload) = stored.split_first().ok_or(DeltaError::PartSize { expected: 1, actual: 0 })?;
    match Compression::from_byte(*byte) {
        Some(Compression::None) if payload.len() > budget.unpacked_bytes => {
            Err(DeltaError::Unpacked { limit: budget.unpacked_bytes })
        }
        Some(Compression::None) => Ok(payload.into()),
        Some(Compression::Xz) => inflate(payload, budget).map(Cow::Owned),
        None => Err(DeltaError::Compression { byte: *byte }),
    }
}

/// Memory is taken as bytes come out, not as the stream announces them.
fn inflate(mut input: &[u8], budget: &Budget<'_>) -> Result<Vec<u8>, DeltaError> {
    let mut stream = XzStream::new_mem_limit(false, budget.xz_memory_kib);
    let mut step = vec![0; STEP_BYTES];
    let mut output = Vec::new();
    loop {
        let result = stream.process(input, &mut step, Action::Finish).map_err(|_| DeltaError::Xz)?;
        input = input.get(result.bytes_consumed..).unwrap_or_default();
        let made = step.get(..result.bytes_produced).unwrap_or_default();
        if made.len() > budget.unpacked_bytes.saturating_sub(output.len()) {
            return Err(DeltaError::Unpacked { limit: budget.unpacked_bytes });
        }
        output.extend_from_slice(made);
        match result.status {
            Status::StreamEnd if input.is_empty() => return Ok(output),
            Status::StreamEnd => return Err(DeltaError::Xz),
            // A stream that neither takes nor gives ends in the middle.
            Status::Ok if result.bytes_consumed == 0 && made.is_empty() => return Err(DeltaError::Xz),
            Status::Ok => {}
        }
    }
}
