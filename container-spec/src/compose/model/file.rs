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
                cx.text(node).map(|path| EnvFile { path: path.to_owned(), ..EnvFile::default() })
            }
            _ => EnvFile::decode(node, cx),
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
