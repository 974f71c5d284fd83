//! Asks a broker or a worker whether it answers yet.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How readiness is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// An ApiVersions request to the broker's client port.
    Broker(u16),
    /// `GET /` on the worker's REST port.
    Worker(u16),
}

impl Probe {
    /// What is awaited, in words.
    pub fn awaited(self) -> String {
        match self {
            Self::Broker(port) => format!("an answer to ApiVersions on 127.0.0.1:{port}"),
            Self::Worker(port) => format!("200 for GET http://127.0.0.1:{port}/"),
        }
    }

    /// Asks once; what was seen instead when the answer is not there yet.
    pub fn ask(self) -> Result<(), String> {
        match self {
            Self::Broker(port) => connect(port).and_then(api_versions),
            Self::Worker(port) => connect(port).and_then(|stream| get_root(stream, port)),
        }
    }
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream =
        TcpStream::connect_timeout(&address, ANSWER_LIMIT).map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(ANSWER_LIMIT))
        .and_then(|()| stream.set_write_timeout(Some(ANSWER_LIMIT)))
        .map_err(|error| error.to_string())?;
    Ok(stream)
}

/// ApiVersions (key 18) version 0, the one request that every broker answers to every client: size, key, version,
/// correlation id, no client id. The answer begins with size, correlation id and error code.
fn api_versions(mut stream: TcpStream) -> Result<(), String> {
    const CORRELATION: [u8; 4] = *b"sqll";
    let mut request = vec![0, 0, 0, 10, 0, 18, 0, 0];
    request.extend(CORRELATION);
    request.extend((-1_i16).to_be_bytes());
    let mut answer = [0; 10];
    stream
        .write_all(&request)
        .and_then(|()| stream.read_exact(&mut answer))
        .map_err(|error| error.to_string())?;
    match (
        &answer[4..8] == CORRELATION.as_slice(),
        [answer[8], answer[9]],
    ) {
        (true, [0, 0]) => Ok(()),
        (true, code) => Err(format!("error code {}", i16::from_be_bytes(code))),
        (false, _) => Err("an answer that is not Kafka's".to_owned()),
    }
}

fn get_root(mut stream: TcpStream, port: u16) -> Result<(), String> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    let mut first_line = Vec::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| BufReader::new(stream.take(1024)).read_until(b'\n', &mut first_line))
        .map_err(|error| error.to_string())?;
    let first_line = String::from_utf8_lossy(&first_line);
    let status = first_line.lines().next().unwrap_or("an empty answer");
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(status.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() >= 14);
            stream.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn only_200_makes_a_worker_ready() {
        assert_eq!(
            Probe::Worker(answering(b"HTTP/1.1 200 OK\r\n\r\n{}")).ask(),
            Ok(())
        );
        let seen = Probe::Worker(answering(b"HTTP/1.1 404 Not Found\r\n\r\n")).ask();
        assert_eq!(seen, Err("HTTP/1.1 404 Not Found".to_owned()));
    }

    #[test]
    fn only_an_answer_to_this_request_makes_a_broker_ready() {
        assert_eq!(
            Probe::Broker(answering(b"\0\0\0\x0asqll\0\0\0\0\0\0")).ask(),
            Ok(())
        );
        assert_eq!(
            Probe::Broker(answering(b"\0\0\0\x0asqll\0\x23")).ask(),
            Err("error code 35".to_owned())
        );
        assert!(
            Probe::Broker(answering(b"HTTP/1.1 400 Bad Request\r\n"))
                .ask()
                .is_err()
        );
    }
}
