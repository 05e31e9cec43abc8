//! A server of plain files that keeps connections, understands ranges, remembers what it was asked for, and fails as a
//! test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Without the first slash.
    pub path: String,
    /// The first byte of the range, if there is one.
    pub start: Option<u64>,
    /// How many requests there were before.
    pub number: usize,
}

impl Asked {
    /// Whether it is for a loose object of content.
    pub fn is_file(&self) -> bool {
        self.path.ends_with(".filez")
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// The file, or 404.
    File,
    /// This status.
    Status(u16),
    /// So many bytes of the file, and then silence.
    Silence(usize),
    /// The file, a byte every 50 ms.
    Trickle,
}

pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Serves until the test ends.
    pub fn start(directory: &Path, rule: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new((directory.to_owned(), Arc::clone(&asked), rule));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that goes away, or is killed, ends it.
                    let (directory, asked, rule) = &*shared;
                    let _ = serve(stream.unwrap(), directory, asked, rule);
                });
            }
        });
        Self { url, asked }
    }

    /// What was asked for since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there were so many requests for content.
    pub fn wait_for_files(&self, count: usize) {
        let files = || self.asked.lock().unwrap().iter().filter(|asked| asked.is_file()).count();
        while files() < count {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

fn serve(
    stream: TcpStream,
    directory: &Path,
    log: &Mutex<Vec<Asked>>,
    rule: &impl Fn(&Asked) -> Answer,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let path = head[0].split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let start = head
            .iter()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
        let start = start.map(|range| range.trim_end_matches('-').parse().unwrap());
        let asked = {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = Asked { path, start, number: log.len() };
            log.push(asked.clone());
            asked
        };
        let answer = rule(&asked);
        let found = std::fs::read(directory.join(&asked.path));
        let (status, body) = match (answer, found) {
            (Answer::Status(status), _) => (format!("{status} As the test says"), Vec::new()),
            (_, Err(_)) => ("404 Not Found".to_owned(), Vec::new()),
            (_, Ok(whole)) => match start {
                Some(start) if start >= u64::try_from(whole.len()).unwrap() => {
                    ("416 Beyond".to_owned(), Vec::new())
                }
                Some(start) => {
                    let range = format!("bytes {start}-{}/{}", whole.len() - 1, whole.len());
                    let rest = whole[usize::try_from(start).unwrap()..].to_vec();
                    (format!("206 Partial Content\r\nContent-Range: {range}"), rest)
                }
                None => ("200 OK".to_owned(), whole),
            },
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len())?;
        match answer {
            Answer::File | Answer::Status(_) => stream.write_all(&body)?,
            Answer::Trickle => {
                for byte in body {
                    stream.write_all(&[byte])?;
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
            }
            Answer::Silence(most) => {
                stream.write_all(&body[..body.len().min(most)])?;
                // Until the client goes away.
                return reader.read_to_end(&mut Vec::new()).map(drop);
            }
        }
    }
}
