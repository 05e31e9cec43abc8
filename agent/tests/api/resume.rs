//! Bodies over connections that break.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;

use ota_agent::http::{Client, MAX_RESUMES};

/// What a server does.
#[derive(Clone, Copy)]
struct Behaviour {
    /// Bytes that it sends before it closes the connection.
    patience: usize,
    /// Whether it understands ranges.
    ranges: bool,
}

fn content() -> Vec<u8> {
    (0..100_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect()
}

/// Serves the content; returns its URL, and a channel of the ranges that were asked for.
fn serve(behaviour: Behaviour) -> (String, std::sync::mpsc::Receiver<Option<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let (log, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<_> =
                lines.map(|line| line.unwrap_or_default()).take_while(|line| !line.is_empty()).collect();
            let range = head
                .iter()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
            let range = range.map(|range| range.trim_end_matches('-').parse::<usize>().unwrap());
            if log.send(range).is_err() {
                return;
            }
            let whole = content();
            let start = range.filter(|_| behaviour.ranges);
            let status = match start {
                Some(start) => format!(
                    "206 Partial Content\r\nContent-Range: bytes {start}-{}/{}",
                    whole.len() - 1,
                    whole.len()
                ),
                None => "200 OK".to_owned(),
            };
            let rest = &whole[start.unwrap_or(0)..];
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
            let sent = &rest[..rest.len().min(behaviour.patience)];
            // A client that went away needs no answer.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
        }
    });
    (url, asked)
}

/// All that is read, and how it ended.
fn read(url: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let mut body = Vec::new();
    let result = Client::new().open_resuming(url).unwrap().unwrap().read_to_end(&mut body);
    (body, result.err().map(|error| error.kind()))
}

#[test]
fn a_broken_body_goes_on_where_it_broke() {
    let (url, asked) = serve(Behaviour { patience: 30_000, ranges: true });
    assert!(read(&url) == (content(), None));
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked, [None, Some(30_000), Some(60_000), Some(90_000)]);
}

#[test]
fn a_server_without_ranges_that_breaks_is_given_up_after_the_limit() {
    // The same bytes each time: the rest never comes.
    let (url, asked) = serve(Behaviour { patience: 30_000, ranges: false });
    assert!(read(&url) == (content()[..30_000].to_vec(), Some(ErrorKind::UnexpectedEof)));
    assert_eq!(asked.try_iter().count(), 1 + MAX_RESUMES);
}

#[test]
fn as_many_resumes_as_the_limit_and_no_more() {
    let size = content().len();
    let pieces = size.div_ceil(MAX_RESUMES + 1);
    let (url, asked) = serve(Behaviour { patience: pieces, ranges: true });
    assert!(read(&url) == (content(), None));
    assert_eq!(asked.try_iter().count(), 1 + MAX_RESUMES);
    let (url, asked) = serve(Behaviour { patience: (size - 1) / (MAX_RESUMES + 1), ranges: true });
    assert_eq!(read(&url).1, Some(ErrorKind::UnexpectedEof));
    assert_eq!(asked.try_iter().count(), 1 + MAX_RESUMES);
}
