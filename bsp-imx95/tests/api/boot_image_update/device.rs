//! A device with two places for a boot image, and a ROM that takes one of them.

use crate::container::fixture;
use crate::power_cut::media::Flash;
use bsp_imx95::bootloader::{
    self, Error, FINISH, NorSets, Place, Rom, SoundImage, Stage, Staged, Update, Verdict, judge,
};
use bsp_imx95::emmc::PartitionConfig;
use bsp_imx95::env::{self, Change, Env, Layout};
use embedded_storage::nor_flash::NorFlashErrorKind;
use std::sync::LazyLock;
use testkit::power::{self, Step};

/// Bytes of a place.
pub(crate) const SIZE: usize = 0x1400;
/// What a block medium writes at once.
const SECTOR: usize = 512;
/// Bytes of the environment.
const ENV: usize = 0x100;

/// Boot images that spsdk made and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Image {
    Older,
    Old,
    New,
}

static IMAGES: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| ["v2-p384", "v1-p384", "v2-p256"].map(|name| fixture(&format!("{name}.bin"))));

impl Image {
    pub(crate) fn bytes(self) -> &'static [u8] {
        let [older, old, new] = &*IMAGES;
        match self {
            Self::Older => older,
            Self::Old => old,
            Self::New => new,
        }
    }

    /// A place that holds it.
    pub(crate) fn place(self) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        bytes.resize(SIZE, 0);
        bytes
    }

    /// Which one the ROM would take from a place: headers, signature block and images are whole.
    fn read(place: &[u8]) -> Option<Self> {
        [Self::Older, Self::Old, Self::New].into_iter().find(|image| {
            let (held, bytes) = (&place[..image.bytes().len()], image.bytes());
            // The signature blocks end before this.
            held == bytes || held[..0x400] == bytes[..0x400] && SoundImage::check(held).is_ok()
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Delays what it writes until it is synced.
    Block,
    /// [`NorSets`], erase blocks of 256 bytes.
    NorFlash,
}

/// What was done to the device, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Step(Step),
    Register(u8),
    Environment(Vec<u8>),
}

/// Both places, the register and the environment.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    medium: Medium,
    rom: Rom,
    content: Vec<u8>,
    environment: [u8; ENV],
    pub(crate) register: Option<u8>,
    /// A byte that cannot be written.
    pub(crate) worn: Option<(Place, usize)>,
    /// Whether the register takes no value.
    pub(crate) is_stuck: bool,
    pub(crate) events: Vec<Event>,
}

type Result<T> = core::result::Result<T, Error<NorFlashErrorKind>>;

const fn number(place: Place) -> u8 {
    match place {
        Place::A => 1,
        Place::B => 2,
    }
}

fn start(place: Place) -> usize {
    if place == Place::A { 0 } else { SIZE }
}

impl Device {
    /// The old image in `place`, `other` in the other one; the register enables `enabled`.
    pub(crate) fn running(medium: Medium, rom: Rom, place: Place, other: &[u8], enabled: Place) -> Self {
        let mut content = vec![0; 2 * SIZE];
        content[start(place)..][..SIZE].copy_from_slice(&Image::Old.place());
        content[start(place.other())..][..SIZE].copy_from_slice(other);
        let mut environment = [0; ENV];
        env::create(Layout::Single, &[("bootlimit", Some("3"))], &mut environment).unwrap();
        let register = (medium == Medium::Block).then_some(0x40 | number(enabled) << 3);
        Self { medium, rom, content, environment, register, worn: None, is_stuck: false, events: Vec::new() }
    }

    /// The same, with nothing done to it yet.
    pub(crate) fn fresh(&self) -> Self {
        Self { events: Vec::new(), ..self.clone() }
    }

    fn place(&self, place: Place) -> &[u8] {
        &self.content[start(place)..][..SIZE]
    }

    /// The bytes of a place are zeros.
    pub(crate) fn lose(&mut self, place: Place) {
        self.content[start(place)..][..SIZE].fill(0);
    }

    /// The place that the ROM looks at first.
    fn first(&self) -> Place {
        match (self.rom, self.register) {
            (Rom::First(place), _) => place,
            (Rom::Enabled, Some(0x48)) => Place::A,
            (Rom::Enabled, Some(0x50)) => Place::B,
            (Rom::Enabled, register) => panic!("{register:02x?}"),
        }
    }

    /// What a power-on boots.
    pub(crate) fn boots(&self) -> (Place, Image) {
        let first = self.first();
        let found =
            [first, first.other()].map(|place| Image::read(self.place(place)).map(|image| (place, image)));
        found.into_iter().flatten().next().expect("bricked")
    }

    /// The place that was booted, as the client learns it.
    fn booted(&self) -> Place {
        let stage = if self.boots().0 == self.first() { Stage::Primary } else { Stage::Secondary };
        let config = self.register.map(|byte| PartitionConfig::from_byte(byte).unwrap());
        self.rom.booted(stage, config).unwrap()
    }

    /// The place to go back to, if a trial is announced.
    pub(crate) fn pending(&self) -> Option<Place> {
        bootloader::pending(&Env::parse(&self.environment[4..]).unwrap())
    }

    /// What tells one cut from another, but for bytes that nothing reads.
    pub(crate) fn kind(&self) -> String {
        let places = [Place::A, Place::B].map(|place| {
            let content = self.place(place);
            let is_tag = matches!(content[3], 0x87 | 0x07 | 0xff);
            (Image::read(content), is_tag.then_some(content[3]))
        });
        format!("{:?} {:?} {places:?} {:?} {:?}", self.medium, self.rom, self.register, self.pending())
    }

    fn client(&self, room: u64) -> Update {
        Update { rom: self.rom, room, booted: self.booted() }
    }

    fn store(&mut self, changes: &[Change<'_>]) {
        let mut next = [0; ENV];
        if env::write(Layout::Single, &[&self.environment], changes, &mut next).unwrap().is_some() {
            self.environment = next;
            self.events.push(Event::Environment(next.to_vec()));
        }
    }

    pub(crate) fn stage(&mut self, image: &SoundImage<'_>, room: u64, buffer: usize) -> Result<Staged> {
        self.client(room).stage(self, image, &mut vec![0; buffer])
    }

    pub(crate) fn try_update(&mut self, image: Image) -> Result<()> {
        let room = u64::try_from(SIZE).unwrap();
        let image = SoundImage::check(image.bytes()).unwrap();
        let announced = self.stage(&image, room, 2 * SECTOR)?.announce(|changes| {
            self.store(changes);
            Ok::<(), core::convert::Infallible>(())
        });
        let Ok(announced) = announced;
        announced.switch(self, &mut [0; SECTOR])
    }

    /// Stages, announces and switches.
    pub(crate) fn update(&mut self, image: Image) {
        self.try_update(image).unwrap();
    }

    pub(crate) fn give_up(&mut self, previous: Place) -> Result<()> {
        self.client(0).give_up(self, previous, &mut [0; SECTOR])
    }

    /// Judges a boot, and does what is to be done.
    pub(crate) fn judge(&mut self, wanted: Image) -> Verdict {
        let (booted, image) = self.boots();
        assert_eq!(booted, self.booted());
        let verdict = judge(self.pending(), booted, image == wanted);
        match verdict {
            Verdict::Nothing => return verdict,
            Verdict::Complete => {}
            Verdict::GiveUp(previous) => self.give_up(previous).unwrap(),
        }
        self.store(FINISH);
        verdict
    }

    /// Boots, judges and updates until the wanted image runs and no trial is pending.
    pub(crate) fn settle(&mut self, wanted: Image) {
        for _ in 0..4 {
            if self.judge(wanted) == Verdict::Nothing {
                if self.boots().1 == wanted {
                    return;
                }
                self.update(wanted);
            }
        }
        panic!("it does not end: {}", self.kind());
    }

    /// Visits every state that a cut during `events` may leave.
    pub(crate) fn each_cut(&self, events: &[Event], mut visit: impl FnMut(&Self)) {
        let mut device = self.fresh();
        let mut steps = Vec::new();
        for event in events {
            if let Event::Step(step) = event {
                steps.push(step.clone());
                continue;
            }
            device.cuts(&core::mem::take(&mut steps), &mut visit);
            match event {
                Event::Register(byte) => device.register = Some(*byte),
                Event::Environment(copy) => device.environment.copy_from_slice(copy),
                Event::Step(_) => {}
            }
            visit(&device);
        }
        device.cuts(&steps, &mut visit);
    }

    /// The tags that a place has in turn during `events`.
    pub(crate) fn tags(&self, place: Place, events: &[Event]) -> Vec<u8> {
        let mut content = self.content.clone();
        let mut tags = vec![content[start(place) + 3]];
        for event in events {
            if let Event::Step(step) = event {
                step.apply(&mut content);
                tags.push(content[start(place) + 3]);
            }
        }
        tags.dedup();
        tags
    }

    /// Visits the cuts of steps on the medium, and carries them out.
    fn cuts(&mut self, steps: &[Step], visit: &mut impl FnMut(&Self)) {
        let is_durable = self.medium == Medium::NorFlash || matches!(steps.last(), None | Some(Step::Sync));
        assert!(is_durable, "nothing else is done before what was written is durable");
        let before = self.content.clone();
        power::each_cut(&before, steps, SECTOR, |content| {
            self.content.copy_from_slice(content);
            visit(self);
        });
        self.content = before;
        steps.iter().for_each(|step| step.apply(&mut self.content));
    }

    fn do_step(&mut self, step: Step) {
        step.apply(&mut self.content);
        if let Some((place, at)) = self.worn {
            self.content[start(place) + at] = 0x11;
        }
        self.events.push(Event::Step(step));
    }

    fn on_flash<T>(&mut self, act: impl FnOnce(&mut NorSets<Flash>) -> T) -> T {
        let flash = Flash::new(core::mem::take(&mut self.content));
        let mut sets = NorSets { flash, a: 0, b: u32::try_from(SIZE).unwrap() };
        let result = act(&mut sets);
        self.content = sets.flash.content;
        self.events.extend(sets.flash.steps.into_iter().map(Event::Step));
        result
    }
}

impl bootloader::Medium for Device {
    type Error = NorFlashErrorKind;

    fn unit(&self) -> usize {
        if self.medium == Medium::Block { SECTOR } else { 0x100 }
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> core::result::Result<(), Self::Error> {
        if self.medium == Medium::NorFlash {
            return self.on_flash(|flash| flash.read(place, offset, out));
        }
        out.copy_from_slice(&self.place(place)[usize::try_from(offset).unwrap()..][..out.len()]);
        Ok(())
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> core::result::Result<(), Self::Error> {
        if self.medium == Medium::NorFlash {
            return self.on_flash(|flash| flash.write(place, offset, units));
        }
        let at = start(place) + usize::try_from(offset).unwrap();
        assert!(at.is_multiple_of(SECTOR) && units.len().is_multiple_of(SECTOR));
        assert!(at + units.len() <= start(place) + SIZE);
        self.do_step(Step::Write { at, bytes: units.to_vec() });
        Ok(())
    }

    fn sync(&mut self) -> core::result::Result<(), Self::Error> {
        if self.medium == Medium::Block {
            self.do_step(Step::Sync);
        }
        Ok(())
    }

    fn partition_config(&mut self) -> core::result::Result<Option<u8>, Self::Error> {
        Ok(self.register)
    }

    fn set_partition_config(&mut self, byte: u8) -> core::result::Result<(), Self::Error> {
        if !self.is_stuck {
            self.register = Some(byte);
            self.events.push(Event::Register(byte));
        }
        Ok(())
    }
}
