use super::{ContainerRef, Error, ErrorKind, FIRST_CONTAINER, MAX_CONTAINERS, MAX_SETS, SET_ALIGNMENT};

/// A file or partition with one or more sets of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootImage<'a> {
    file: &'a [u8],
    first: usize,
}

impl<'a> BootImage<'a> {
    /// Finds the first container at one of [`FIRST_CONTAINER`]. A damaged one counts as found: reading it
    /// gives the error.
    ///
    /// # Errors
    /// [`ErrorKind::NoContainer`] at 0 if there is none.
    pub fn find(file: &'a [u8]) -> Result<Self, Error> {
        let is_there = |at: &usize| !matches!(ContainerRef::parse(file, *at), Err(error) if error.is_none());
        match FIRST_CONTAINER.into_iter().find(is_there) {
            Some(first) => Ok(Self { file, first }),
            None => ContainerRef::parse(file, 0).map(|container| Self { file, first: container.offset() }),
        }
    }

    /// The boot image whose first container is at `first`.
    #[must_use]
    pub const fn at(file: &'a [u8], first: usize) -> Self {
        Self { file, first }
    }

    /// All containers of all sets, in the order of their headers; the iteration ends with the first error.
    #[must_use]
    pub const fn containers(&self) -> Containers<'a> {
        Containers {
            file: self.file,
            next: Some(self.first),
            in_set: 0,
            sets: 1,
            set_end: self.first,
            first_image: usize::MAX,
        }
    }
}

impl Error {
    /// Whether there is nothing rather than something damaged.
    fn is_none(&self) -> bool {
        matches!(self.kind, ErrorKind::NoContainer { .. })
    }
}

/// The containers of a boot image.
///
/// The headers of a set follow each other at the distance of [`Version::slot`](super::Version::slot), before
/// the first image of the set. The set ends where its last container ends with its images, and the next set
/// begins at the next multiple of [`SET_ALIGNMENT`]: U-Boot's `get_imageset_end`.
#[derive(Clone, Debug)]
pub struct Containers<'a> {
    file: &'a [u8],
    /// Where the next header can be; `None` when all is read.
    next: Option<usize>,
    /// Containers already read of this set.
    in_set: usize,
    /// Sets begun.
    sets: usize,
    /// Where the last container of this set ends.
    set_end: usize,
    /// Where the first image of this set begins: no header is behind it.
    first_image: usize,
}

impl<'a> Containers<'a> {
    /// The index of the set to which the container belongs that was read last.
    #[must_use]
    pub const fn set(&self) -> usize {
        self.sets.saturating_sub(1)
    }

    /// Where that set ends so far, in bytes from the start of the file.
    #[must_use]
    pub const fn set_end(&self) -> usize {
        self.set_end
    }

    fn read(&self, at: usize) -> Result<Option<ContainerRef<'a>>, Error> {
        if self.in_set > 0 && (self.in_set == MAX_CONTAINERS || at >= self.first_image) {
            return Ok(None);
        }
        match ContainerRef::parse(self.file, at) {
            // The first container of all must be there.
            Err(error) if error.is_none() && (self.in_set > 0 || self.sets > 1) => Ok(None),
            Err(error) => Err(error),
            Ok(container) if self.sets > MAX_SETS => {
                Err(container.error(ErrorKind::TooManySets { limit: MAX_SETS }))
            }
            Ok(container) => Ok(Some(container)),
        }
    }

    fn accept(&mut self, container: &ContainerRef<'a>) {
        self.in_set += 1;
        self.set_end = container.end().unwrap_or(usize::MAX);
        for image in container.images().filter(|image| image.size > 0) {
            self.first_image = self.first_image.min(image.offset_in_file().unwrap_or(usize::MAX));
        }
        let header = container.length().next_multiple_of(container.version().slot());
        self.next = container.offset().checked_add(header);
    }

    /// Moves to the next set; `false` if this one was empty.
    fn begin_set(&mut self) -> bool {
        self.next = self.set_end.checked_next_multiple_of(SET_ALIGNMENT);
        self.sets += 1;
        self.first_image = usize::MAX;
        core::mem::take(&mut self.in_set) > 0
    }
}

impl<'a> Iterator for Containers<'a> {
    type Item = Result<ContainerRef<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read(self.next?) {
                Ok(Some(container)) => {
                    self.accept(&container);
                    return Some(Ok(container));
                }
                Ok(None) => {
                    if !self.begin_set() {
                        self.next = None;
                        self.sets -= 1;
                    }
                }
                Err(error) => {
                    self.next = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
