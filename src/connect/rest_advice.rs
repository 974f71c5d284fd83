//! What to look at when a worker's REST interface does not answer, or says no.

/// Words of the TLS and HTTP libraries by a part of them, most telling first, and the setting to look at.
const SILENCES: [(&str, &str); 12] = [
    (
        "UnknownIssuer",
        "the worker's certificate is not signed by an authority that is known here: look at the CA file for REST (`rest: ca`, `--rest-ca`)",
    ),
    (
        "NotValidForName",
        "the worker's certificate is made out to another host: look at the host in the REST address",
    ),
    (
        "invalid peer certificate",
        "the worker's certificate is not taken: look at the CA file for REST (`rest: ca`, `--rest-ca`), and at the certificate",
    ),
    (
        "ertificateRequired",
        "the worker wants a client certificate: look at the client certificate for REST (`rest: certificate` and `key`, `--rest-cert` and `--rest-key`)",
    ),
    (
        "BadCertificate",
        "the worker wants another client certificate: look at the client certificate for REST (`rest: certificate` and `key`, `--rest-cert` and `--rest-key`)",
    ),
    (
        "UnknownCA",
        "the worker does not know who signed the client certificate: look at the client certificate for REST (`rest: certificate` and `key`, `--rest-cert` and `--rest-key`)",
    ),
    (
        "CertificateUnknown",
        "the worker does not take the client certificate: look at the client certificate for REST (`rest: certificate` and `key`, `--rest-cert` and `--rest-key`)",
    ),
    (
        "InvalidContentType",
        "the port speaks no TLS: write http:// in the REST address, or another port",
    ),
    (
        "invalid HTTP version",
        "the port does not speak plain HTTP: write https:// in the REST address, or another port",
    ),
    (
        "onnection refused",
        "nothing listens there: look at the REST address, see whether the worker runs, and read the end of its log",
    ),
    (
        "dns error",
        "the host name is not known here: look at the REST address",
    ),
    (
        "operation timed out",
        "see whether the worker runs or hangs, and read the end of its log",
    ),
];

/// What to look at when no answer came, by the reason in the library's own words.
pub(super) fn of_silence(why: &str) -> &'static str {
    SILENCES.iter().find(|(part, _)| why.contains(part)).map_or(
        "see whether the worker runs, and read the end of its log",
        |(_, advice)| *advice,
    )
}

/// What to look at when the worker said no, by the status.
pub(super) const fn of_refusal(status: u16) -> &'static str {
    match status {
        401 => {
            "look at the user name and password for REST (`rest: username` and `password`, `--rest-user`)"
        }
        403 => "this user, or this client certificate, may not do that: look at the means for REST",
        _ => "correct what the message names, or read the worker's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_leads_to_the_setting_behind_it() {
        for (why, setting) in [
            (
                "error sending request: client error (Connect): invalid peer certificate: UnknownIssuer",
                "CA file",
            ),
            (
                "tcp connect error: Connection refused (os error 111)",
                "REST address",
            ),
            (
                "received fatal alert: CertificateRequired",
                "client certificate",
            ),
            ("something new", "end of its log"),
        ] {
            assert!(of_silence(why).contains(setting), "{why}");
        }
        assert!(of_refusal(401).contains("password"));
        assert!(of_refusal(400).contains("message"));
    }
}
