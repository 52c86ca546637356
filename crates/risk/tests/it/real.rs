//! The free database `@ip-location-db/geo-whois-asn-country-mmdb` (CC0), as npm brings it into `web/node_modules`.

use std::io::Write as _;
use std::path::Path;

use risk::Geo;

#[test]
fn a_real_database_is_read_and_knows_where_well_known_addresses_are() {
    let package = "../../web/node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
    let Ok(bytes) = std::fs::read(&path) else {
        // Past the test harness, which shows nothing of a test that passes.
        writeln!(std::io::stderr(), "SKIPPED for want of {}: scripts/web fetches it, with Node.js", path.display())
            .unwrap();
        return;
    };
    let geo = Geo::read(vec![("geo-whois-asn-country.mmdb".to_owned(), bytes)]).unwrap();
    // RIPE NCC, APNIC and LACNIC: where the registries themselves are.
    for (address, country) in
        [("193.0.6.139", "NL"), ("203.119.101.61", "AU"), ("200.3.14.184", "UY"), ("2001:67c:2e8:22::c100:68b", "NL")]
    {
        let location = geo.locate(address.parse().unwrap()).unwrap();
        assert_eq!(location.country.map(|country| country.to_string()).as_deref(), Some(country), "{address}");
        assert_eq!(location.point, None, "it has countries and nothing else");
    }
}
