//! Zones that several tests serve. All private names are at or below `hearth.example.`, all public ones below
//! `example.net.` or `example.org.`.

/// A private zone with one of everything that the answers are about.
pub(crate) const HEARTH: &str = "\
; The zone of the tests. Serial and timers are written, so that negative answers have known TTLs.
$TTL 300
@        SOA   ns hostmaster 7 3600 900 604800 60
@        NS    ns
@        A     192.0.2.1
@        MX    10 mail
ns       A     192.0.2.53
mail     A     192.0.2.25
matrix   A     192.0.2.10   ; the home server
matrix   AAAA  2001:db8::10
_matrix-fed._tcp        SRV 10 5 8448 matrix
a.deep   TXT   \"below two names that have no records\"
www      CNAME matrix
www2     CNAME www
dangling CNAME nowhere
nodata   CNAME mail
across   CNAME host.other.example.
outside  CNAME target.example.net.
round    CNAME round.other.example.
old      DNAME new
x.new    A     192.0.2.30
sub      NS    ns.sub
sub      NS    ns.example.net.
ns.sub   A     192.0.2.60
ns.sub   AAAA  2001:db8::60
odd      TYPE65280 \\# 3 abcdef
gone     A     192.0.2.66   ; hearthdns: expires=2001-01-01
stays    A     192.0.2.67   ; hearthdns: expires=2100-01-01
";

/// A second private zone, which the first one points into.
pub(crate) const OTHER: &str = "\
$TTL 300
@     SOA   ns.hearth.example. hostmaster 1 3600 900 604800 60
@     NS    ns.hearth.example.
host  A     192.0.2.200
round CNAME round.hearth.example.
";

/// The zone of RFC 4592, 2.2.1, one label deeper.
pub(crate) const WILD: &str = "\
$TTL 3600
@                 SOA ns hostmaster 1 3600 900 604800 60
@                 NS  ns.example.com.
@                 NS  ns.example.net.
*                 TXT \"this is a wildcard\"
*                 MX  10 host1
sub.*             TXT \"this is not a wildcard\"
host1             A   192.0.2.1
_ssh._tcp.host1   SRV 0 0 22 host1
_ssh._tcp.host2   SRV 0 0 22 host1
subdel            NS  ns.example.com.
subdel            NS  ns.example.net.
";
