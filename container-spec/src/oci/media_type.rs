//! Media types of images, and Docker's older names for them.

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaType {
    /// An index, or Docker's manifest list.
    Index,
    /// A manifest.
    Manifest,
    /// The config of an image.
    Config,
    /// A layer.
    Layer(Compression),
    /// The empty JSON object, which stands for a config or layer that an artifact has not.
    Empty,
}

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all: its digest is its DiffID.
    None,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

impl MediaType {
    /// The meaning of a media type; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split(';').next().unwrap_or(text).trim_end();
        Some(match text {
            "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json" => Self::Index,
            "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json" => Self::Manifest,
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {
                Self::Config
            }
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Self::Layer(Compression::None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Self::Layer(Compression::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => {
                Self::Layer(Compression::Zstd)
            }
            "application/vnd.oci.empty.v1+json" => Self::Empty,
            _ => return None,
        })
    }
}

/// Whether `text` has the form `type/subtype` of RFC 6838, section 4.2; parameters may follow.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let (text, parameters) = match text.split_once(';') {
        Some((text, parameters)) => (text, Some(parameters)),
        None => (text, None),
    };
    let name = |name: &str| {
        let good = |b: u8| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'!' | b'#' | b'$' | b'&' | b'-' | b'^' | b'_' | b'.' | b'+')
        };
        (1..=127).contains(&name.len())
            && name.bytes().all(good)
            && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
    };
    text.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
        && parameters.is_none_or(|parameters| {
            parameters.split(';').all(|pair| pair.split_once('=').is_some_and(|(key, _)| name(key.trim())))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_docker_and_oci_mean_the_same() {
        for (text, meaning) in [
            ("application/vnd.oci.image.index.v1+json", MediaType::Index),
            ("application/vnd.docker.distribution.manifest.list.v2+json", MediaType::Index),
            ("application/vnd.docker.distribution.manifest.v2+json", MediaType::Manifest),
            ("application/vnd.docker.container.image.v1+json", MediaType::Config),
            ("application/vnd.docker.image.rootfs.diff.tar", MediaType::Layer(Compression::None)),
            ("application/vnd.oci.image.layer.v1.tar+zstd", MediaType::Layer(Compression::Zstd)),
            ("application/vnd.oci.empty.v1+json", MediaType::Empty),
        ] {
            assert_eq!(MediaType::parse(text), Some(meaning), "{text}");
            assert!(is_media_type(text));
        }
        assert_eq!(MediaType::parse("application/json"), None);
    }
}
