//! Signatures and keys: what is signed, what a flipped bit does, which files are refused.

use std::fs;

use proptest::prelude::*;
use ushydra_bundle::{
    BundleError, Clock, PublicKey, SIGNATURE_FILE, SecretKey, Signature, Signed, TrustedKeys, sign_copy,
};

use crate::stock::{Stock, clock, day};

#[test]
fn a_signed_copy_is_whole_and_names_its_signer() {
    let stock = Stock::new();
    let stick = stock.signed_by("1.0.0", &stock.key, Some(day("2028-01-31")));
    assert!(stick.join("calibration/tiny.toml").is_file(), "statistics travel inside");
    let Signed::By(signer) = stock.keys.judge(&stick).unwrap() else { panic!("signed") };
    assert_eq!((signer.name.as_str(), signer.key), ("maker", stock.key.public().id()));
    assert_eq!(signer.not_after, Some(day("2028-01-31")));
    assert_eq!(stock.keys.judge(&stock.fixture.root()).unwrap(), Signed::No);
    let error = sign_copy(&stock.fixture.root(), &stick, &stock.key, None).unwrap_err();
    assert!(matches!(error, BundleError::Io { .. }), "an existing folder is not written into: {error}");
    assert!(stick.join(SIGNATURE_FILE).is_file());
    fs::write(stock.fixture.root().join("encoder.onnx"), "another").unwrap();
    assert!(sign_copy(&stock.fixture.root(), &stock.path("bad"), &stock.key, None).is_err());
    assert!(!stock.path("bad").exists(), "a damaged bundle is not signed");
}

#[test]
fn every_flipped_bit_of_the_signature_file_is_found() {
    let stock = Stock::new();
    let stick = stock.signed_by("1.0.0", &stock.key, Some(day("2028-01-31")));
    let file = stick.join(SIGNATURE_FILE);
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        let text = String::from_utf8_lossy(&flipped);
        assert!(stock.keys.require(&stick).is_err(), "bit {at} of {}: {text}", whole.len() * 8);
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_of_manifest_or_key_is_found(
        manifest in prop::collection::vec(any::<u8>(), 1..400), at in any::<prop::sample::Index>(), key_bit in 0_usize..256,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let key = SecretKey::generate("maker").unwrap();
        let signature = Signature::new(&manifest, &key, None);
        prop_assert!(signature.fits(&manifest, &key.public()));
        let mut flipped = manifest.clone();
        let bit = at.index(manifest.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!signature.fits(&flipped, &key.public()));
        prop_assert!(!signature.fits(&manifest[..manifest.len() - 1], &key.public()));
        // Another last day is another message.
        prop_assert_ne!(Signature::new(&manifest, &key, Some(day("2028-01-31"))), signature.clone());

        let public = key.write_new(&folder.path().join("maker")).unwrap();
        let text = fs::read_to_string(&public).unwrap();
        let start = text.find("key = \"").unwrap() + "key = \"".len();
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        let old = &text[start..start + 44];
        let mut bytes = engine.decode(old).unwrap();
        bytes[key_bit / 8] ^= 1 << (key_bit % 8);
        fs::write(&public, text.replace(old, &engine.encode(bytes))).unwrap();
        // Half of all flips give no point of the curve.
        if let Ok(other) = PublicKey::read(&public) {
            prop_assert!(!signature.fits(&manifest, &other));
        }
    }
}

#[test]
fn signature_files_that_are_refused() {
    struct Case {
        from: &'static str,
        to: &'static str,
        says: &'static str,
    }
    const fn case(from: &'static str, to: &'static str, says: &'static str) -> Case {
        Case { from, to, says }
    }
    let cases = [
        case("schema_version = 1", "schema_version = 2", "update ushydra"),
        case("schema_version = 1\n", "", "missing field `schema_version`"),
        case("key_id = \"", "key_id = \"0", "32 lowercase hexadecimal digits"),
        case("key_id", "key", "unknown field `key`"),
        case("not_after = \"2028-01-31\"", "not_after = 2028-01-31", "`not_after`"),
        case("2028-01-31", "2028-01-32", "YYYY-MM-DD"),
        case("2028-01-31", "2029-01-31", "does not fit the manifest"),
        case("not_after = \"2028-01-31\"\n", "", "does not fit the manifest"),
        case("signature = \"", "signature = \"AAAA", "67 bytes are no ed25519 signature of 64"),
        case("signature = \"", "signature = \"*", "not base64"),
    ];
    let stock = Stock::new();
    let stick = stock.signed_by("1.0.0", &stock.key, Some(day("2028-01-31")));
    let file = stick.join(SIGNATURE_FILE);
    let whole = fs::read_to_string(&file).unwrap();
    for case in cases {
        let text = whole.replacen(case.from, case.to, 1);
        assert_ne!(text, whole, "{}", case.from);
        fs::write(&file, text).unwrap();
        let error = stock.keys.require(&stick).unwrap_err().to_string();
        assert!(error.contains(case.says) && error.contains(SIGNATURE_FILE), "{error}\ndoes not say {:?}", case.says);
    }
    fs::write(&file, b"\xff\xfe").unwrap();
    assert!(matches!(stock.keys.require(&stick), Err(BundleError::Syntax { .. })));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(stock.keys.require(&stick), Err(BundleError::NotAFile { .. })));
}

#[test]
fn keys_are_written_once_and_read_with_care() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key = SecretKey::generate("Clinic A").unwrap();
    let secret = folder.path().join("clinic");
    let public = key.write_new(&secret).unwrap();
    assert_eq!(public, folder.path().join("clinic.pub"));
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(PublicKey::read(&public).unwrap(), key.public());
    assert_eq!(SecretKey::read(&secret).unwrap().public(), key.public());
    let (bytes, shown) = (fs::read_to_string(&secret).unwrap(), format!("{key:?}"));
    let hidden = bytes.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap().trim_matches('"');
    assert!(!shown.contains(hidden) && !fs::read_to_string(&public).unwrap().contains(hidden), "{shown}");
    for kept in [&secret, &public] {
        let before = fs::read(kept).unwrap();
        assert!(matches!(key.write_new(&secret), Err(BundleError::Key { .. })));
        assert_eq!(fs::read(kept).unwrap(), before, "never overwritten");
    }
    fs::remove_file(&secret).unwrap();
    assert!(key.write_new(&secret).unwrap_err().to_string().contains("clinic.pub"));
    assert!(!secret.exists(), "no secret without its public half");
    for name in ["", " ", "a\nb", &"x".repeat(65)] {
        assert!(SecretKey::generate(name).is_err(), "{name:?}");
    }

    let text = fs::read_to_string(&public).unwrap();
    let encoded = text.lines().find_map(|line| line.strip_prefix("key = ")).unwrap();
    let weak = format!("\"{}=\"", "A".repeat(43));
    for (from, to, says) in [
        ("schema_version = 1", "schema_version = 7", "update ushydra"),
        ("name = \"Clinic A\"", "name = \"\\u001b[31m\"", "no name"),
        (encoded, "\"AAAA\"", "32 bytes"),
        (encoded, weak.as_str(), "weak"),
        ("key = ", "secret = ", "unknown field `secret`"),
    ] {
        fs::write(&public, text.replace(from, to)).unwrap();
        let error = TrustedKeys::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("clinic.pub"), "{error}\ndoes not say {says:?}");
    }
    fs::remove_file(&public).unwrap();
    fs::write(folder.path().join("notes.txt"), "no key").unwrap();
    assert!(TrustedKeys::read(folder.path()).unwrap().keys().is_empty());
    let error = TrustedKeys::read(&folder.path().join("absent")).unwrap_err();
    assert!(matches!(error, BundleError::NoKeys { .. }) && error.to_string().contains("--keys DIR"), "{error}");
}

#[test]
fn a_last_day_is_judged_by_a_clock_that_can_be_right() {
    let stock = Stock::new();
    let stick = stock.signed_by("1.0.0", &stock.key, Some(day("2027-06-15")));
    let signer = stock.keys.require(&stick).unwrap();
    let at = |today| signer.check_day(&stick, Clock { today: day(today), ..clock() });
    assert!(at("2026-11-01").is_ok() && at("2027-06-15").is_ok());
    assert!(matches!(at("2027-06-16"), Err(BundleError::Expired { .. })));
    let error = at("1970-01-01").unwrap_err();
    assert!(matches!(error, BundleError::Clock { .. }) && error.to_string().contains("set the clock"), "{error}");
    let forever = stock.keys.require(&stock.signed("1.0.1")).unwrap();
    assert!(forever.check_day(&stick, Clock { today: day("1970-01-01"), ..clock() }).is_ok(), "nothing to judge");
}
