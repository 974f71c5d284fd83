//! How the workers' REST interfaces are spoken to: password, private certificate authority, client certificate.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Once;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::{Certificate, Identity};

use super::rest_error::{RestError, with_causes};

/// What a client of the REST interface needs beside an address; nothing for a plain one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// User name and password of basic authentication.
    pub basic: Option<(String, String)>,
    /// PEM file of the authority that signed the workers' certificates; the system's own authorities when left out.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the client's certificate and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Never shows a password.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.basic.as_ref().map(|(user, _)| user))
            .field("ca_file", &self.ca_file)
            .field("client", &self.client)
            .finish()
    }
}

impl Access {
    /// An HTTP client with these means; fails when a file cannot be read or holds no PEM.
    ///
    /// It keeps no connection open between requests: a worker that stops waits, a second or so, until idle ones are closed
    /// (Jetty's `AbstractConnector.shutdown`), so that who looks at a stop would prolong it.
    pub(super) fn client(&self, base_url: &str) -> Result<Client, RestError> {
        install_crypto();
        let builder = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none());
        self.tls(builder)?
            .build()
            .map_err(|error| RestError::Unreachable {
                url: base_url.to_owned(),
                why: with_causes(&error),
            })
    }

    fn tls(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, RestError> {
        if let Some(path) = &self.ca_file {
            let pem = read(path)?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|error| no_pem(path, &error))?;
            if certificates.is_empty() {
                return Err(RestError::Access {
                    path: path.clone(),
                    why: "it holds no certificate".to_owned(),
                });
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let Some((certificate, key)) = &self.client {
            let mut pem = read(key)?;
            pem.push(b'\n');
            pem.extend(read(certificate)?);
            let identity = Identity::from_pem(&pem).map_err(|error| no_pem(certificate, &error))?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }
}

/// More than all authorities of a system take.
const MOST_PEM_BYTES: u64 = 4 << 20;

fn read(path: &Path) -> Result<Vec<u8>, RestError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_PEM_BYTES).read_to_end(&mut bytes))
        .map_err(|error| RestError::Access {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
    Ok(bytes)
}

fn no_pem(path: &Path, error: &reqwest::Error) -> RestError {
    RestError::Access {
        path: path.to_owned(),
        why: with_causes(error),
    }
}

/// More than one crate speaks TLS here; all of them use the one provider that is installed first.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // That somebody else was first is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let access = Access {
            basic: Some(("ops".to_owned(), "hunter2".to_owned())),
            ..Access::default()
        };
        let shown = format!("{access:?}");
        assert!(shown.contains("ops") && !shown.contains("hunter2"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let no_pem = temp.path().join("ca.pem");
        std::fs::write(&no_pem, "rubbish").unwrap();
        for path in [no_pem, temp.path().join("absent.pem")] {
            let access = Access {
                ca_file: Some(path.clone()),
                ..Access::default()
            };
            let error = access.client("https://127.0.0.1:1").unwrap_err();
            assert!(
                error.to_string().contains(&path.display().to_string()),
                "{error}"
            );
        }
    }
}
