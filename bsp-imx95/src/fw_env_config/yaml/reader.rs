use super::writelist::Writable;
use super::{Error, ErrorKind, Namespace, YamlDevice, parse};
use crate::fw_env_config::MAX_LEN;
use alloc::string::String;
use alloc::vec::Vec;
use saphyr_parser::{Event, Parser};

/// What comes next, as the states of `extended_config.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Document,
    Name,
    Fields,
    Field,
    Value(Field),
    Devices,
    Device,
    DeviceField,
    DeviceValue(DeviceField),
    Writelist,
    Writable,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Size,
    Lockfile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeviceField {
    Path,
    Offset,
    SectorSize,
    DisableLock,
}

pub(super) fn read(text: &str) -> Result<Vec<Namespace>, Error> {
    if text.len() > MAX_LEN {
        return Err(Error { line: 1, kind: ErrorKind::TooLong { len: text.len(), limit: MAX_LEN } });
    }
    let mut reader = Reader { next: Next::Document, namespaces: Vec::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| Error { line: error.marker().line().max(1), kind: ErrorKind::Yaml })?;
        let line = span.start.line();
        reader.next = reader.event(&event, line).map_err(|kind| Error { line, kind })?;
    }
    Ok(reader.namespaces)
}

struct Reader {
    next: Next,
    namespaces: Vec<Namespace>,
}

impl Reader {
    /// Takes an event and says what comes after it.
    fn event(&mut self, event: &Event<'_>, line: usize) -> Result<Next, ErrorKind> {
        Ok(match (self.next, event) {
            (next, Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing) => next,
            (Next::Document, Event::DocumentStart(_)) => Next::Document,
            (Next::Document, Event::MappingStart(..)) => Next::Name,
            // An empty document.
            (Next::Document, Event::Scalar(text, ..)) if text.is_empty() || text == "~" => Next::End,
            (Next::Name, Event::MappingEnd) => Next::End,
            (Next::Name, Event::Scalar(name, ..)) => {
                self.namespaces.push(Namespace {
                    name: String::from(name.as_ref()),
                    line,
                    ..Default::default()
                });
                Next::Fields
            }
            (Next::Fields, Event::MappingStart(..)) => Next::Field,
            (Next::Field, Event::MappingEnd) => Next::Name,
            (Next::Field, Event::Scalar(key, ..)) => match key.as_ref() {
                "size" => Next::Value(Field::Size),
                "lockfile" => Next::Value(Field::Lockfile),
                "devices" => Next::Devices,
                "writelist" => Next::Writelist,
                _ => return Err(ErrorKind::UnknownKey),
            },
            (Next::Value(field), Event::Scalar(text, ..)) => {
                self.value(field, text)?;
                Next::Field
            }
            (Next::Devices, Event::SequenceStart(..)) => Next::Device,
            (Next::Device, Event::SequenceEnd) | (Next::Writable, Event::SequenceEnd) => Next::Field,
            (Next::Device, Event::MappingStart(..)) => {
                self.namespace()?.devices.push(YamlDevice { line, ..YamlDevice::default() });
                Next::DeviceField
            }
            (Next::DeviceField, Event::MappingEnd) => Next::Device,
            (Next::DeviceField, Event::Scalar(key, ..)) => Next::DeviceValue(match key.as_ref() {
                "path" => DeviceField::Path,
                "offset" => DeviceField::Offset,
                "sectorsize" => DeviceField::SectorSize,
                "disablelock" => DeviceField::DisableLock,
                _ => return Err(ErrorKind::UnknownKey),
            }),
            (Next::DeviceValue(field), Event::Scalar(text, ..)) => {
                self.device_value(field, text)?;
                Next::DeviceField
            }
            (Next::Writelist, Event::SequenceStart(..)) => Next::Writable,
            (Next::Writable, Event::Scalar(text, ..)) => {
                let writable = Writable::parse(text).ok_or(ErrorKind::Value { key: "writelist" })?;
                let writelist = &mut self.namespace()?.writelist;
                if writelist.iter().any(|other| other.name == writable.name) {
                    return Err(ErrorKind::Repeated);
                }
                writelist.push(writable);
                Next::Writable
            }
            // A second document, an alias, a list where a text belongs, and so on.
            _ => return Err(ErrorKind::Shape),
        })
    }

    fn namespace(&mut self) -> Result<&mut Namespace, ErrorKind> {
        self.namespaces.last_mut().ok_or(ErrorKind::Shape)
    }

    fn value(&mut self, field: Field, text: &str) -> Result<(), ErrorKind> {
        let namespace = self.namespace()?;
        match field {
            Field::Size => {
                let size = parse::signed(text).and_then(|size| u64::try_from(size).ok());
                namespace.size = Some(size.ok_or(ErrorKind::Value { key: "size" })?);
            }
            Field::Lockfile => namespace.lockfile = Some(text.into()),
        }
        Ok(())
    }

    fn device_value(&mut self, field: DeviceField, text: &str) -> Result<(), ErrorKind> {
        let device = self.namespace()?.devices.last_mut().ok_or(ErrorKind::Shape)?;
        match field {
            DeviceField::Path => device.path = Some(text.into()),
            DeviceField::Offset => {
                device.offset = parse::signed(text).ok_or(ErrorKind::Value { key: "offset" })?;
            }
            DeviceField::SectorSize => {
                let size = parse::signed(text).and_then(|size| u64::try_from(size).ok());
                device.sector_size = size.ok_or(ErrorKind::Value { key: "sectorsize" })?;
            }
            // It is about the protection of MTD devices.
            DeviceField::DisableLock => {}
        }
        Ok(())
    }
}
