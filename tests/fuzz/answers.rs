//! What a REST server answers, whoever it is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use squall::connect::Rest;
use squall::model::ConnectorName;

use super::fuzz::Target;

/// What is answered next, as a status and a body.
type Answer = Arc<Mutex<(u16, Vec<u8>)>>;

/// Serves one connection; ends when the other side does.
fn serve(stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let head = line.to_ascii_lowercase();
            if let Some(text) = head.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        reader.by_ref().take(length).read_to_end(&mut Vec::new())?;
        let (status, body) = answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(&[head.as_bytes(), &body].concat())?;
    }
}

fn server(answer: &Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::clone(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve(stream, &answer));
        }
    });
    url
}

const SEEDS: &[&str] = &[
    r#"{"version":"4.1.1","commit":"abc","kafka_cluster_id":"x"}"#,
    r#"{"mirror":{"status":{"name":"mirror","connector":{"state":"RUNNING","worker_id":"a:1"},"tasks":[{"id":0,"state":"FAILED","worker_id":"a:1","trace":"x\n\tat y"}],"type":"source"}}}"#,
    r#"{"mirror":{"info":{"name":"mirror","config":{"connector.class":"X","tasks.max":"1"},"tasks":[{"connector":"mirror","task":0}],"type":"sink"}}}"#,
    r#"{"offsets":[{"partition":{"kafka_topic":"t","kafka_partition":0},"offset":{"kafka_offset":9}}]}"#,
    r#"{"name":"X","error_count":1,"groups":[],"configs":[{"definition":{},"value":{"name":"topics","value":null,"errors":["no"]}}]}"#,
    r#"[{"class":"org.apache.X","type":"source","version":"4.1.1"}]"#,
    "{\"error_code\":500,\"message\":\"\u{1b}]0;no\u{7}\"}",
    "<html>\n<body>502 Bad Gateway</body></html>",
];

#[test]
fn fuzz_rest_answers() {
    let answer = Answer::default();
    let rest = Rest::new(&server(&answer)).unwrap();
    let name = ConnectorName::new("mirror").unwrap();
    let limit = Duration::from_secs(30);
    let target = Target {
        name: "rest",
        seeds: SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: &[
            "null", "[]", "{}", "\"", "message", "\\u0000", "1e999", "-1",
        ],
        parts: 1,
    };
    target.fuzz(|bytes| {
        let statuses = [200, 409, 500, 999];
        let status = statuses[bytes.len() % statuses.len()];
        *answer.lock().unwrap() = (status, bytes.to_vec());
        let told = [
            rest.info(limit).map(drop),
            rest.status_all(limit).map(drop),
            rest.info_all(limit).map(drop),
            rest.offsets(&name, limit).map(drop),
            rest.validate("X", &BTreeMap::new(), limit).map(drop),
            rest.health(limit).map(drop),
        ];
        for error in told.iter().filter_map(|told| told.as_ref().err()) {
            assert!(error.to_string().len() < 20_000, "{error}");
        }
    });
}
