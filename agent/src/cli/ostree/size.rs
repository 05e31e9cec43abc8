//! Sizes for people.

/// A size as GLib's `g_format_size` writes it: powers of 1000, one digit, a space that does not break.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" });
    }
    let (mut unit, mut power) = ("kB", 1000_u64);
    for larger in ["MB", "GB", "TB", "PB", "EB"] {
        if bytes / power < 1000 {
            break;
        }
        (unit, power) = (larger, power.saturating_mul(1000));
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(power) / 2) / u128::from(power);
    format!("{}.{}\u{a0}{unit}", tenths / 10, tenths % 10)
}
