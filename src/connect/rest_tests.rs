//! Tests of the REST client against a listener that gives answers recorded from real workers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A listener that gives one answer a connection and then ends; the requests' first lines and bodies come back.
struct Worker {
    rest: Rest,
    heard: mpsc::Receiver<String>,
    thread: JoinHandle<()>,
}

fn worker(answers: &'static [(u16, &'static str)]) -> Worker {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, heard) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        for (status, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            sender.send(request(&mut reader)).unwrap();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), body.as_bytes()].concat();
            reader.get_mut().write_all(&answer).unwrap();
        }
    });
    Worker {
        rest: Rest::new(&url).unwrap(),
        heard,
        thread,
    }
}

fn request(reader: &mut impl BufRead) -> String {
    let mut lines = reader.by_ref().lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let length = headers
        .iter()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    format!("{first} {}", String::from_utf8(body).unwrap())
}

impl Worker {
    fn requests(self) -> Vec<String> {
        self.thread.join().unwrap();
        self.heard.try_iter().collect()
    }
}

fn name(name: &str) -> ConnectorName {
    ConnectorName::new(name).unwrap()
}

fn config() -> BTreeMap<String, String> {
    [("tasks.max".to_owned(), "3".to_owned())].into()
}

#[test]
fn a_worker_tells_its_release_and_its_cluster() {
    let worker = worker(&[(
        200,
        r#"{"version":"4.1.1","commit":"be816b82d25370ce","kafka_cluster_id":"MkU3OEVBNTcwNTJENDM2Qg"}"#,
    )]);
    let info = worker.rest.info(SOON).unwrap();
    assert_eq!(
        (info.version.as_str(), info.kafka_cluster_id.as_str()),
        ("4.1.1", "MkU3OEVBNTcwNTJENDM2Qg")
    );
    assert_eq!(worker.requests(), ["GET / HTTP/1.1 "]);
}

#[test]
fn no_connection_is_left_open_for_a_worker_to_wait_for_when_it_stops() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let rest = Rest::new(&url).unwrap();
        (rest.info(SOON).unwrap(), rest)
    });
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut reader = BufReader::new(stream);
    request(&mut reader);
    let body = r#"{"version":"4.1.1","commit":"x","kafka_cluster_id":"y"}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body.as_bytes()].concat();
    reader.get_mut().write_all(&answer).unwrap();
    // The client lives on, and its end of the connection is closed all the same.
    let (_, _rest) = asked.join().unwrap();
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
fn the_status_of_all_connectors_is_read_with_traces_and_in_the_order_of_the_tasks() {
    let worker = worker(&[(
        200,
        r#"{"mirror":{"status":{"name":"mirror","connector":{"state":"RUNNING","worker_id":"127.0.0.1:19311","version":"4.1.1"},"tasks":[],"type":"source"}},
            "no/name":{"status":{"name":"no/name","connector":{"state":"RUNNING","worker_id":"x"},"tasks":[],"type":"sink"}},
            "archive":{"status":{"name":"archive","connector":{"state":"RUNNING","worker_id":"127.0.0.1:19312"},"tasks":[{"id":1,"state":"FAILED","worker_id":"127.0.0.1:19312","trace":"ConnectException: password=hunter2"},{"id":0,"state":"RUNNING","worker_id":"127.0.0.1:19311"}],"type":"sink"}}}"#,
    )]);
    let all = worker.rest.status_all(SOON).unwrap();
    assert_eq!(
        all.keys().map(ConnectorName::as_str).collect::<Vec<_>>(),
        ["archive", "mirror"]
    );
    let tasks = &all[&name("archive")].tasks;
    assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(
        tasks[1].trace.as_deref(),
        Some("ConnectException: password=[hidden]")
    );
    assert_eq!(
        worker.requests(),
        ["GET /connectors?expand=status HTTP/1.1 "]
    );
}

#[test]
fn a_configuration_is_put_again_while_the_group_rebalances() {
    let worker = worker(&[
        (
            409,
            r#"{"error_code":409,"message":"Cannot complete request momentarily due to stale configuration"}"#,
        ),
        (
            500,
            r#"{"error_code":500,"message":"IO Error trying to forward REST request: Connection refused"}"#,
        ),
        (201, "{}"),
    ]);
    worker
        .rest
        .put_config(&name("mirror"), &config(), Deadline::after(SOON))
        .unwrap();
    assert_eq!(
        worker.requests(),
        vec![r#"PUT /connectors/mirror/config HTTP/1.1 {"tasks.max":"3"}"#; 3]
    );
}

#[test]
fn a_configuration_that_is_wrong_is_put_once_and_the_worker_quoted() {
    let worker = worker(&[(
        400,
        r#"{"error_code":400,"message":"Connector configuration is invalid and contains the following 1 error(s):\nMissing required configuration \"topics\""}"#,
    )]);
    let error = worker
        .rest
        .put_config(&name("mirror"), &config(), Deadline::after(SOON))
        .unwrap_err();
    assert!(matches!(&error, RestError::Refused { status: 400, .. }));
    let text = error.to_string();
    assert!(
        text.contains("/connectors/mirror/config") && text.contains("\"topics\""),
        "{text}"
    );
    assert_eq!(worker.requests().len(), 1);
}

#[test]
fn a_name_that_is_taken_is_no_rebalance() {
    let worker = worker(&[(
        409,
        r#"{"error_code":409,"message":"Connector in already exists"}"#,
    )]);
    let error = worker
        .rest
        .create_in_state(&name("in"), &config(), "PAUSED", Deadline::after(SOON))
        .unwrap_err();
    assert!(
        matches!(&error, RestError::Refused { status: 409, .. }),
        "{error}"
    );
    assert!(!error.is_passing());
    worker.requests();
}

#[test]
fn waiting_for_a_rebalance_ends_with_the_deadline() {
    let worker = worker(&[(409, r#"{"message":"rebalance"}"#)]);
    let error = worker
        .rest
        .put_config(&name("mirror"), &config(), Deadline::after(Duration::ZERO))
        .unwrap_err();
    assert!(matches!(error, RestError::Rebalancing { .. }), "{error}");
    worker.requests();
}

#[test]
fn health_is_read_from_status_and_words() {
    let worker = worker(&[
        (
            200,
            r#"{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}"#,
        ),
        (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        (
            503,
            r#"{"status":"starting","message":"reading to the end of the config topic"}"#,
        ),
        (
            500,
            r#"{"status":"unhealthy","message":"Worker was unable to handle this request"}"#,
        ),
        (302, ""),
    ]);
    let states = [
        HealthState::Healthy,
        HealthState::NotOffered,
        HealthState::Starting,
        HealthState::Unhealthy,
    ];
    for state in states {
        assert_eq!(worker.rest.health(SOON).unwrap().state, state);
    }
    assert!(matches!(
        worker.rest.health(SOON),
        Err(RestError::Refused { status: 302, .. })
    ));
    worker.requests();
}

#[test]
fn offsets_are_read_and_altered() {
    let worker = worker(&[
        (
            200,
            r#"{"offsets":[{"partition":{"cluster":"src","partition":0,"topic":"orders"},"offset":{"offset":29}}]}"#,
        ),
        (
            200,
            r#"{"message":"The offsets for this connector have been altered successfully"}"#,
        ),
    ]);
    let mut offsets = worker.rest.offsets(&name("mirror"), SOON).unwrap();
    assert_eq!(offsets[0].offset, json!({"offset": 29}));
    offsets[0].offset = json!({"offset": 7});
    let words = worker
        .rest
        .alter_offsets(&name("mirror"), &offsets, SOON)
        .unwrap();
    assert!(words.contains("altered successfully"));
    assert_eq!(
        worker.requests()[1],
        r#"PATCH /connectors/mirror/offsets HTTP/1.1 {"offsets":[{"offset":{"offset":7},"partition":{"cluster":"src","partition":0,"topic":"orders"}}]}"#
    );
}

#[test]
fn small_requests_go_where_kafka_expects_them() {
    let worker = worker(&[
        (201, "{}"),
        (204, ""),
        (404, r#"{"message":"not found"}"#),
        (202, ""),
        (202, ""),
        (204, ""),
        (200, "[]"),
    ]);
    let (rest, mirror) = (&worker.rest, name("mirror"));
    rest.create_in_state(&mirror, &config(), "PAUSED", Deadline::after(SOON))
        .unwrap();
    rest.delete(&mirror, SOON).unwrap();
    rest.delete(&mirror, SOON).unwrap();
    rest.pause(&mirror, SOON).unwrap();
    rest.resume(&mirror, SOON).unwrap();
    rest.stop(&mirror, SOON).unwrap();
    rest.set_logger("a.b$C /d", "DEBUG", SOON).unwrap();
    assert_eq!(
        worker.requests(),
        [
            r#"POST /connectors HTTP/1.1 {"config":{"tasks.max":"3"},"initial_state":"PAUSED","name":"mirror"}"#,
            "DELETE /connectors/mirror HTTP/1.1 ",
            "DELETE /connectors/mirror HTTP/1.1 ",
            "PUT /connectors/mirror/pause HTTP/1.1 ",
            "PUT /connectors/mirror/resume HTTP/1.1 ",
            "PUT /connectors/mirror/stop HTTP/1.1 ",
            r#"PUT /admin/loggers/a.b$C%20%2Fd HTTP/1.1 {"level":"DEBUG"}"#,
        ]
    );
}

#[test]
fn mistakes_of_a_configuration_are_listed() {
    let worker = worker(&[(
        200,
        r#"{"name":"FileStreamSink","error_count":1,"groups":[],"configs":[{"definition":{"name":"name"},"value":{"name":"name","value":null,"errors":["Missing required configuration \"name\" which has no default value."]}},{"definition":{},"value":{"name":"topics","errors":[]}}]}"#,
    )]);
    let wrong = worker
        .rest
        .validate("FileStreamSink", &config(), SOON)
        .unwrap();
    assert_eq!(
        (
            wrong.error_count,
            wrong.errors.keys().map(String::as_str).collect::<Vec<_>>()
        ),
        (1, vec!["name"])
    );
    worker.requests();
}

#[test]
fn what_is_no_worker_and_what_does_not_answer_are_told_apart() {
    let stranger = worker(&[(200, "<html>")]);
    let error = stranger.rest.info(SOON).unwrap_err();
    assert!(matches!(error, RestError::Undecodable { .. }), "{error}");
    let gone = stranger.rest.clone();
    stranger.requests();
    let error = gone.info(SOON).unwrap_err();
    assert!(matches!(&error, RestError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_worker_that_accepts_and_says_nothing_costs_no_more_than_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let frozen = Rest::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let error = frozen.info(Duration::from_millis(100)).unwrap_err();
    assert!(matches!(&error, RestError::Unreachable { .. }), "{error}");
}
