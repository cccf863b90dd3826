//! Every fault that the doctor knows: its word, the class that decides the exit code, and what to do.

/// A part of the way to a server. Each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The answer that is followed.
    Answer,
    /// What the resolver of this machine makes of it.
    Resolver,
    /// `.well-known/matrix/server` and SRV records.
    Delegation,
    /// A connection.
    Reach,
    /// TLS and the certificate.
    Tls,
    /// The server's API for servers.
    Federation,
    /// The server's signing keys.
    Keys,
    /// The clocks.
    Clock,
    /// What clients need.
    Client,
    /// TURN.
    Turn,
}

impl Class {
    /// All, in the order of the way.
    pub const ALL: [Class; 10] = [
        Class::Answer,
        Class::Resolver,
        Class::Delegation,
        Class::Reach,
        Class::Tls,
        Class::Federation,
        Class::Keys,
        Class::Clock,
        Class::Client,
        Class::Turn,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Resolver => "resolver",
            Self::Delegation => "delegation",
            Self::Reach => "reach",
            Self::Tls => "tls",
            Self::Federation => "federation",
            Self::Keys => "keys",
            Self::Clock => "clock",
            Self::Client => "client",
            Self::Turn => "turn",
        }
    }

    /// The exit code of a way that is broken here first.
    #[must_use]
    pub const fn exit(self) -> u8 {
        10 + self as u8
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $class:ident $word:literal $cure:literal;)*) => {
        /// What can be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        /// Word, class and cure of each, in the order of [`Fault`].
        const TABLE: &[(&str, Class, &str)] = &[$(($word, Class::$class, $cure),)*];

        impl Fault {
            /// All of them.
            pub const ALL: &[Fault] = &[$(Fault::$name,)*];
        }
    };
}

faults! {
    /// The name does not exist.
    NoName Answer "no-name" "add its records: dnsctl matrix add, or dnsctl add-record; where another server has them, ask that one with --via";
    /// It has no address.
    NoAddress Answer "no-address" "add an A record for it (dnsctl add-record)";
    /// REFUSED.
    AnswerRefused Answer "answer-refused" "let this client ask: `clients` in the configuration of the server asked";
    /// SERVFAIL or another error.
    AnswerFailed Answer "answer-failed" "look at dnsctl status and dnsctl check; a forwarded name fails with its upstream";
    /// No answer in time.
    AnswerSilent Answer "answer-silent" "start the DNS server, or open UDP and TCP port 53 to it";
    /// Cut over UDP, and no TCP.
    AnswerCut Answer "answer-cut" "open TCP port 53 to the DNS server as well: an answer that does not fit into a datagram comes over TCP (RFC 7766)";
    /// A alone is right, and AAAA gets an error.
    AaaaFailed Answer "aaaa-failed" "have the DNS server answer AAAA with an empty NOERROR; programs built with musl (Alpine, many containers) fail otherwise";
    /// Nobody can be reached there.
    AddressUseless Answer "address-useless" "give the name the server's real address; on the server itself too";
    /// Homeservers refuse it.
    AddressPrivate Answer "address-private" "put the address into ip_range_whitelist of every homeserver that is to connect (Conduit family: take it out of ip_range_denylist), or use a public one; --allow CIDR says that this is done";
    /// Some are refused, others not.
    AddressMixed Answer "address-mixed" "give the name addresses of one kind in each view";

    /// The private zone is not known to it.
    ResolverAbsent Resolver "resolver-nxdomain" "have it forward the zone to HearthDNS (dnsctl router), or make HearthDNS the only nameserver of this machine; dnsctl flush, or a restart, where it remembers the absence";
    /// Private addresses are taken out.
    ResolverStrips Resolver "resolver-strips" "let the zone pass its protection against DNS rebinding (dnsctl router KIND prints the line)";
    /// Another address.
    ResolverOther Resolver "resolver-other" "remove the other record, or have this machine ask HearthDNS; an old address goes with its TTL";
    /// The address of another view.
    ResolverView Resolver "resolver-view" "put this machine's address into the `clients` of the view that is meant, or ask with --from-view what that view gets";
    /// Nothing.
    ResolverSilent Resolver "resolver-silent" "take the dead nameserver out of resolv.conf, or bring it back";
    /// REFUSED.
    ResolverRefused Resolver "resolver-refused" "let this machine ask it, or ask another one";
    /// SERVFAIL or another error.
    ResolverFailed Resolver "resolver-failed" "see that it reaches HearthDNS; where it validates (DNSSEC) it needs an exception for the zone";
    /// Cut over UDP, and no TCP.
    ResolverCut Resolver "resolver-cut" "open TCP port 53 between this machine and it: an answer that does not fit into a datagram comes over TCP (RFC 7766)";
    /// A is lost, AAAA is not.
    ResolverNoV4 Resolver "resolver-no-a" "have it pass A records (dnsmasq: without filter-A), or have this machine ask HearthDNS: who has no IPv6 gets nowhere";
    /// AAAA is lost, A is not.
    ResolverNoV6 Resolver "resolver-no-aaaa" "have it pass AAAA records (dnsmasq: without filter-AAAA), unless they are taken out on purpose: IPv4 is left";
    /// Docker's resolver stands between.
    ResolverDocker Resolver "resolver-docker" "mount a resolv.conf into the container that names HearthDNS, or give it the host's network: Docker's resolver answers names of containers itself, asks what the daemon was given (`dns`), and makes SERVFAIL of every failure, at which Synapse gives up";
    /// It gives A, and an error in the place of AAAA.
    ResolverAaaa Resolver "resolver-aaaa" "have it pass AAAA questions on, and answer them with an empty NOERROR where there is none; programs built with musl (Alpine, many containers) fail otherwise";
    /// Absent SRV records get an error.
    ResolverSrv Resolver "resolver-srv" "have it answer SRV questions as HearthDNS does; with an error here Synapse gives up, although the address is right";
    /// A further nameserver differs.
    ResolverSecond Resolver "resolver-second" "leave only HearthDNS in resolv.conf: some programs ask all nameservers at once and take the first answer";
    /// getaddrinfo has another source.
    HostsFile Resolver "hosts-file" "look into /etc/hosts and the line `hosts:` of /etc/nsswitch.conf; restart programs that keep old answers (nscd)";

    /// A web server is there, the file is not.
    WellKnownAbsent Delegation "well-known-absent" "serve the file, or add an SRV record, or have the homeserver listen on 8448";
    /// No connection to port 443.
    WellKnownUnreachable Delegation "well-known-unreachable" "have a web server listen on 443, or delegate by an SRV record";
    /// The web server's TLS.
    WellKnownTls Delegation "well-known-tls" "see that the web server on 443 answers in TLS, with a certificate for the server name";
    /// A status that is an error.
    WellKnownStatus Delegation "well-known-status" "have it answer 200 with the file, or 404 where there is none; homeservers remember an error for an hour";
    /// Redirects without end.
    WellKnownLoop Delegation "well-known-loop" "serve the file at once, without a redirect";
    /// A redirect that nobody follows.
    WellKnownRedirect Delegation "well-known-redirect" "redirect to an https:// URL of another host, or serve the file at once";
    /// Too many bytes.
    WellKnownSize Delegation "well-known-too-large" "serve the file itself: it has some 50 bytes";
    /// A page.
    WellKnownHtml Delegation "well-known-html" "put the location /.well-known/matrix/ before the one that gives every path the same page";
    /// No JSON.
    WellKnownJson Delegation "well-known-json" "serve {\"m.server\":\"HOST:PORT\"}";
    /// m.server is not there.
    WellKnownField Delegation "well-known-field" "serve {\"m.server\":\"HOST:PORT\"}";
    /// m.server is no host and port.
    WellKnownTarget Delegation "well-known-target" "write HOST:PORT with a port from 1 to 65535, without https:// and path";
    /// Another content type.
    WellKnownType Delegation "well-known-type" "add Content-Type: application/json";
    /// The delegated host.
    TargetNoAddress Delegation "target-no-address" "give the host that m.server names an address in the same view";
    /// SRV questions get an error.
    SrvFailed Delegation "srv-failed" "an absent SRV record must be NXDOMAIN or empty; with an error Synapse does not connect at all";
    /// The target is an alias.
    SrvAlias Delegation "srv-alias" "name the host that has the address itself (RFC 2782)";
    /// The target has no address.
    SrvNoAddress Delegation "srv-no-address" "give the target an A record in the same view";
    /// The target is the root.
    SrvNone Delegation "srv-none" "remove the record, or name a host: a target of `.` says that there is no such service";
    /// Port 0.
    SrvPort Delegation "srv-port" "write the port of the homeserver into the record";
    /// Only the old name.
    SrvDeprecated Delegation "srv-deprecated" "add _matrix-fed._tcp with the same data; _matrix._tcp is deprecated since version 1.8 of the specification";

    /// Refused.
    PortClosed Reach "port-closed" "start the server there, or have it listen on this address and port (not on localhost only)";
    /// Silence.
    PortFiltered Reach "port-filtered" "open the port in the firewalls between, forward it on the router, and see that the address is right";
    /// No route.
    Unreachable Reach "unreachable" "see that this machine has a route there (VPN, IPv6)";
    /// One of several.
    AddressDead Reach "address-dead" "take the address out of the zone, or have the server listen on it";
    /// IPv6 of a server that has IPv4.
    Ipv6Dead Reach "ipv6-dead" "take the AAAA record out of the zone, or make IPv6 work";
    /// The time for all is over.
    NoTime Reach "no-time" "give it more time (--time), or have it look at one way only (--only)";
    /// We do not connect.
    Forbidden Reach "forbidden-address" "if the address is meant, say so with --allow CIDR; nothing was sent there";

    /// Something else speaks.
    NotTls Tls "not-tls" "put TLS on this port (the homeserver's own, or a reverse proxy)";
    /// The connection ends in the handshake.
    TlsClosed Tls "tls-closed" "look into the log of the server on this port: a proxy without a backend, a firewall that reads SNI";
    /// Silence in the handshake.
    TlsSilent Tls "tls-silent" "look at the server on this port: it takes connections and does not answer";
    /// 1.1 and below.
    TlsVersion Tls "tls-version" "let the server speak TLS 1.2 and 1.3";
    /// An alert.
    TlsRefused Tls "tls-refused" "give the server a certificate for this name, and let it accept it as SNI";
    /// Another name.
    CertificateName Tls "certificate-name" "have a certificate for the name that is asked for on this port";
    /// The SRV target's name.
    CertificateTarget Tls "certificate-srv-target" "have a certificate for the server name: behind an SRV record the target's name does not count (server-server API, step 4)";
    /// Over.
    CertificateExpired Tls "certificate-expired" "renew it, and have the server read it again";
    /// Its time has not come.
    CertificateEarly Tls "certificate-not-yet" "set the clocks (NTP), or have it made anew";
    /// Soon over.
    CertificateSoon Tls "certificate-soon" "renew it; a client of ACME should have done so";
    /// The chain has a gap.
    CertificateChain Tls "certificate-chain" "serve the full chain (fullchain.pem), not the certificate alone";
    /// Nobody known has signed.
    CertificateUnknown Tls "certificate-unknown" "use a public certificate (ACME with DNS-01 needs no public address), or give every homeserver and device the authority; --ca-file FILE tells the doctor of it";
    /// It has signed itself.
    CertificateSelf Tls "certificate-self-signed" "use a certificate of an authority; homeservers do not take one that signed itself";
    /// Anything else.
    CertificateBad Tls "certificate-bad" "have it made anew";

    /// 502 to 504.
    ServerDown Federation "server-down" "start the homeserver behind the proxy, and see that the proxy sends to its port";
    /// Silence or nonsense after TLS.
    NoHttp Federation "no-http" "look into the log of the server on this port";
    /// No 200.
    VersionStatus Federation "version-status" "send /_matrix/ to the homeserver, and let that listener have the resource `federation`";
    /// Another body.
    VersionBody Federation "version-not-json" "send /_matrix/ to the homeserver: something else answers in its place";

    /// No 200.
    KeysStatus Keys "keys-status" "send /_matrix/key/ to the homeserver, and let that listener have the resource `federation` or `keys`";
    /// Another body.
    KeysBody Keys "keys-not-json" "send /_matrix/key/ to the homeserver: something else answers in its place";
    /// Another server's.
    KeysName Keys "keys-server-name" "see that server_name of the homeserver is this name, and that the name leads to this homeserver";
    /// No key.
    KeysNone Keys "keys-none" "see that signing_key_path of the homeserver names its key";
    /// The signature does not hold.
    KeysSignature Keys "keys-signature" "see that nothing between changes the reply, and that all workers have the same signing key";
    /// Over.
    KeysExpired Keys "keys-expired" "see that the homeserver runs with its key and the right clock; a cache in between must not keep the reply";

    /// They differ.
    ClockOff Clock "clock" "set both clocks by NTP (timedatectl set-ntp true)";

    /// An error that makes clients stop.
    ClientWellKnown Client "client-well-known" "serve {\"m.homeserver\":{\"base_url\":\"https://HOST\"}}, or 404";
    /// It has no usable base_url.
    ClientBaseUrl Client "client-base-url" "serve {\"m.homeserver\":{\"base_url\":\"https://HOST\"}}";
    /// It has no address.
    ClientNoAddress Client "client-no-address" "give the host of base_url an address in this view";
    /// No API for clients.
    VersionsStatus Client "versions-status" "send /_matrix/ to the homeserver, and let that listener have the resource `client`";
    /// Another body.
    VersionsBody Client "versions-not-json" "send /_matrix/ to the homeserver: something else answers in its place";
    /// Browsers are refused.
    Cors Client "cors" "add Access-Control-Allow-Origin: *";
    /// No list of flows.
    LoginStatus Client "login-status" "let the listener have the resource `client`, and see that its login is not forwarded elsewhere";
    /// An empty list.
    LoginFlows Client "login-flows" "allow a way to log in: password_config, SSO, or the authentication service";

    /// It has no address.
    TurnNoAddress Turn "turn-no-address" "give the TURN server's host an address in this view";
    /// No transport answers.
    TurnDead Turn "turn-dead" "start the TURN server, and open UDP and TCP port 3478 to it";
    /// UDP only.
    TurnUdpOnly Turn "turn-udp-only" "let the TURN server listen on TCP too (3478, and 5349 with TLS): some networks let no UDP out";
    /// No UDP.
    TurnNoUdp Turn "turn-no-udp" "open UDP port 3478: calls over TCP stutter";
    /// Its certificate.
    TurnTls Turn "turn-certificate" "give the TURN server a certificate for its host, with the full chain";
}

impl Fault {
    fn row(self) -> &'static (&'static str, Class, &'static str) {
        // One row for each, made by the same macro.
        &TABLE[self as usize]
    }

    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// On which part of the way it lies, where servers are looked for.
    #[must_use]
    pub fn class(self) -> Class {
        self.row().1
    }

    /// What to do.
    #[must_use]
    pub fn cure(self) -> &'static str {
        self.row().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_classes_go_along_the_way() {
        let mut words: Vec<&str> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
        let classes: Vec<u8> = Fault::ALL.iter().map(|fault| fault.class().exit()).collect();
        assert!(classes.is_sorted());
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Fault::ALL.len());
        let exits: Vec<u8> = Class::ALL.iter().map(|class| class.exit()).collect();
        assert_eq!(exits, (10..20).collect::<Vec<u8>>());
    }
}
