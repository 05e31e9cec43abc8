//! Files that a service is given: environment files, secrets, configs.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::compose::decode::{Context, Decode, record};
use crate::compose::error::Expected;
use crate::compose::tree::{Kind, Node, Value};

record! {
    /// A file of variables.
    pub struct EnvFile {
        /// Its path.
        path: String = "path",
        /// Another form than the usual one.
        format: Option<String> = "format",
        /// Whether it must exist; it must if absent.
        required: Option<bool> = "required",
    }
    required: [path]
}

/// A path, or a list of paths and long forms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvFiles(pub Vec<EnvFile>);

impl core::ops::Deref for EnvFiles {
    type Target = [EnvFile];

    fn deref(&self) -> &[EnvFile] {
        &self.0
    }
}

impl Decode for EnvFiles {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let one = |node: &Node<'_>, cx: &mut Context| match &node.value {
            Value::Scalar(..) => {
                let path = cx.text(node)?.to_owned();
                Some(EnvFile { path: cx.path(node.at, &path), ..EnvFile::default() })
            }
            _ => {
                let mut file = EnvFile::decode(node, cx)?;
                let at = node.get("path").map_or(node.at, |value| value.at);
                file.path = cx.path(at, &file.path);
                Some(file)
            }
        };
        match &node.value {
            Value::List(items) => Some(Self(items.iter().filter_map(|item| one(item, cx)).collect())),
            Value::Scalar(..) if node.kind() == Kind::Text => one(node, cx).map(|file| Self([file].into())),
            _ => {
                cx.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

/// Paths of files: one, or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paths(pub Vec<String>);

impl core::ops::Deref for Paths {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Decode for Paths {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Scalar(..) if node.kind() == Kind::Text => core::slice::from_ref(node),
            _ => {
                cx.wrong_type(node, Expected::TextOrList);
                return None;
            }
        };
        let texts = items.iter().filter_map(|item| {
            let path = cx.text(item)?.to_owned();
            Some(cx.path(item.at, &path))
        });
        Some(Self(texts.collect()))
    }
}

record! {
    /// A secret or config in a container.
    pub struct FileReference {
        /// Its name in the project.
        source: String = "source",
        /// Path in the container; `/run/secrets/NAME` or `/NAME` if absent.
        target: Option<String> = "target",
        /// Owner; root if absent.
        uid: Option<String> = "uid",
        /// Group; root if absent.
        gid: Option<String> = "gid",
        /// Mode in octal.
        mode: Option<u32> = "mode",
    }
}

/// A name alone, or the long form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileForm(pub FileReference);

impl Decode for FileForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Scalar(..)) {
            let source = cx.text(node)?.to_owned();
            return Some(Self(FileReference { source, ..FileReference::default() }));
        }
        FileReference::decode(node, cx).map(Self)
    }
}
