package workload

import "strings"

// texts is what one text field can hold. A record walks through it with its
// versions, one step each, so that neighbouring versions always differ; bare
// texts stand alone, plain ones get the record's own ending.
type texts struct {
	bare, plain []string
	breaks      []uint8 // line feeds in each: bare, then plain
}

func newTexts(bare, plain []string) *texts {
	t := &texts{bare: bare, plain: plain}
	for _, text := range append(append([]string(nil), bare...), plain...) {
		t.breaks = append(t.breaks, uint8(strings.Count(text, "\n")))
	}
	return t
}

func (t *texts) len() int { return len(t.breaks) }

// Escapes are used wherever an editor or a normalising tool could change the
// bytes: combining accents, invisible characters, trailing spaces.
var (
	familyNames = newTexts(
		[]string{
			"", "NULL", "null", "undefined", "O'Brien", "D'Angelo-\"Bo\"", "Robert'); DROP TABLE people;--", "=1+1", "@SUM(A1:A9)",
			"<script>alert(1)</script>", "\\N", "None", "Ng", "Ó", " Leading", "Trailing ", "\tTab", "Zero\u200bWidth", "\ufeffBOM",
			"Test", "true", "0", "007", "1e5", "N/A", "-", "%s%n%x", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "\u202eevitsoh", "Łódź,Ż",
			"Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafewarenwohlgepflegeundsorgfaltigkeitbeschutzenvonangreifendurchihrraubgierigfeindewelchevoralternzwolftausendjahresvorandieerscheinenvanderersteerdemenschderraumschiffgebrauchlichtalsseinursprungvonkraftgestart",
		},
		[]string{
			"Müller", "Mu\u0308ller", "Núñez", "Nu\u0301n\u0303ez", "García Márquez", "van der Berg", "von und zu Hohenstein", "MacDonald", "Nguyễn", "Nguye\u0302\u0303n",
			"Øster", "Åkesson", "A\u030akesson", "Þórsdóttir", "Żółć", "Škvorecký", "Çelik", "İnan", "ırmak", "Straße", "STRASSE", "Иванов", "Достоевская",
			"Παπαδόπουλος", "Ἀριστοτέλης", "王", "欧阳", "佐藤", "渡邊", "渡邉", "김", "한글", "\u1112\u1161\u11ab\u1100\u1173\u11af", "محمد الأمين", "כהן", "शर्मा", "สมชาย", "ณ อยุธยา", "አበበ", "ქართველი",
			"Smith", "smith", "SMITH", "Smith-Jones", "de la Cruz y Ortega", "Saint John", "ﬁnch", "Ａｌｉｃｅ", "Keihanaikukauakahihulihe\u02bbekahaunaele",
		})

	givenNames = newTexts(
		[]string{
			"", "Null", "nil", "NaN", "Infinity", "FALSE", "+1", "'", "\"", "\"\"", ",", ";", "\\", "\\\\", "/../../etc", "&amp;", "&#x27;", "A", "é", "e\u0301",
			" ", "  two", "two  ", "X Æ A-12", "👩‍👩‍👧‍👦", "👍🏽", "🇳🇵", "Z\u0351\u0343\u0327\u0301a\u0308\u0353\u033al\u0363\u0325\u0329g\u030d\u0334\u0348o\u0305\u0337\u0321",
			"Pablo Diego José Francisco de Paula Juan Nepomuceno Crispín Crispiniano María de los Remedios de la Santísima Trinidad, called \"Pablito\" at home, Πάμπλο to the neighbours, Пабло on the letterbox, 巴勃罗 in the shop and パブロ in the post office across the street",
		},
		[]string{
			"Anna", "ANNA", "Zoë", "Zoe\u0308", "Renée", "François", "Franc\u0327ois", "Jürgen", "Søren", "Siân", "Ngọc", "Ngo\u0323c", "Jean-Luc", "Mary Ann", "O\u2019Shea", "Đorđe", "Łukasz",
			"Ольга", "Юрий", "Иосиф", "Νίκος", "Ελένη", "小明", "美咲", "葛󠄀", "さくら", "サクラ", "ｻｸﾗ", "민준", "فاطمة", "עמית", "अनन्या", "ஆதி", "กมล", "ხატია", "Արամ", "Tama\u02bbaoe", "J.R.R.", "Dr. Eva", "\u00adSoft", "Ana\u00a0María",
		})

	employers = newTexts(
		[]string{
			"", "\"Quoted\" GmbH", "Comma, Inc.", "Line\nBreak Ltd", "Carriage\r\nReturn AG", "\n", "Tail\n", "\r\nHead", "a,b,\"c\"\nd", "#rows,1", "#comment", "key,version,op", "NULL", "'; --", "\\n is not a break",
			"C:\\temp\\new", "%00", "\u2028separator", "<b>Bold & Co</b>", "=HYPERLINK(\"x\")", "{\"json\": [1, null]}", "---\nyaml: true\n", "[]", "🏥", " padded both ",
		},
		[]string{
			"St. Mary's Hospital", "Krankenhaus Süd", "Hôpital de l\u2019Hôtel-Dieu", "Clínica Ñandú", "Sjúkrahúsið á Akureyri", "Szpital Święty Łazarz", "Городская больница № 1", "Γενικό Νοσοκομείο", "東京病院", "서울병원",
			"مستشفى النور", "בית חולים", "अस्पताल", "โรงพยาบาล", "Ward 7; Night", "A|B|C", "Tab\tSeparated", "100% Care", "R&D", "O\u2019Neill & Søns", "Łódź + Żary", "Northern Trust", "Southern Trust", "Eastern Trust", "Western Trust",
		})

	roles = newTexts(
		[]string{"", "n/a", "NULL", "?", "*", "--", "1", "01", "1.0", "TRUE", "\"nurse\"", "nurse,night", "\\\"", "nurse ", " nurse", "NURSE", "nurse", "Nurse"},
		[]string{
			"midwife", "Médecin", "Me\u0301decin", "Ärztin", "Krankenpfleger/in", "Enfermera", "Läkare", "Læge", "Lékař", "Врач", "Санитарка", "Νοσηλευτής", "看護師", "医生", "간호사", "ممرضة", "אחות", "नर्स", "พยาบาล", "GP (locum)", "porter", "cook", "driver", "clerk", "IT – on call",
		})

	cities = newTexts(
		[]string{"", "NULL", "Å", "Y", "Ó", "\u0130stanbul", "istanbul", "ISTANBUL", "Ii", "İi", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch", "Truth or Consequences, NM", "Who'd A Thought It", "Washington \"D.C.\"", "01067 Dresden", "00100 Roma", "4th & Main"},
		[]string{
			"Köln", "Ko\u0308ln", "København", "São Paulo", "Sa\u0303o Paulo", "Łódź", "Kraków", "Plzeň", "Tromsø", "Reykjavík", "Москва", "Київ", "Αθήνα", "東京", "北京", "서울", "القاهرة", "תל אביב", "दिल्ली", "กรุงเทพฯ", "Hà Nội", "Ha\u0300 No\u0323\u0302i", "Kathmandu", "St John\u2019s", "Zürich", "Genève", "Val-d\u2019Or", "Ürümqi", "ʻEwa", "Bath",
		})

	notes = newTexts(
		[]string{
			"", "NULL", "\\N", "\"\"", "\"", "'", ",", ",,,,", "\n\n", "\r\n", "\r", " ", "\t", "0", "00", "-0", "1,234.56", "1e400", "0x1F", "=cmd|' /C calc'!A0", "<script>document.write(\"x\")</script>", "<!--", "]]>", "../..", "%2e%2e", "\\u0000", "\\x00", "\u0085next", "🙂", "👨🏾‍⚕️", "\u200f\u200e", "a\u0300\u0301\u0302\u0303\u0304\u0305",
			"first line\nsecond line\r\nthird line, \"quoted\"\n",
			"\"starts and ends quoted\"",
			"looks like an end:\n#rows,3\n",
			strings.Repeat("A long note that goes on, ", 40) + "and ends.",
			strings.Repeat("長い", 200),
		},
		[]string{
			"Called twice, no answer", "Prefers \"Dr.\" before the name", "Available from Monday;\nnot on Fridays", "References checked\r\nby phone", "Contract\tsigned", "Passport: copy, visa: original", "Speaks Español, Français, Русский",
			"Ärztliches Zeugnis liegt vor", "Peut commencer le 1er", "Możliwy nocny dyżur", "夜勤可", "야간 가능", "متاح", "זמינה", "उपलब्ध", "พร้อม", "See file C:\\people\\notes.txt", "50% part-time", "Salary > 40k & < 50k", "Ask for {name}", "$HOME is elsewhere", "`backticks`", "semi;colon", "pipe|pipe",
			"Line one\nLine two\nLine three", "Quote at the end: \"yes\"", "apostrophe's end '", "Tilde ~ and caret ^", "Hash # inside", "Zwischen\u00adtrennung", "née O\u2019Hara", "ne\u0301e O'Hara",
		})

	// domains all lie in names reserved for examples and tests.
	domains = []string{
		"example.com", "example.org", "example.net", "EXAMPLE.com", "mail.example", "bücher.example", "xn--bcher-kva.example", "post.test", "a.test", "very-long-department-name.and-another-level.hospital.example", "例え.test", "пример.test",
		"münchen.test", "nhs.example", "clinic.test", "x.example", "0.test", "under_score.test", "exa-mple.test", "sub.example.com", "sub.example.org", "trust.example", "ward7.test", "night.test", "day.test", "relay.invalid",
	}

	// offsets are the time zones of starts_at, in minutes; half and quarter
	// hours and the ends of the range among them.
	offsets = []int{0, 0, 60, 120, -300, 345, -210, 330, 525, 765, 840, -720, 570, -570, 180, 480}

	// badDates are what makes a row rejectable: none is a day of any calendar, nor
	// does Postgres take it for one (as it does "yesterday?").
	badDates = []string{"1987-02-30", "not a date", "1990-13-01", "0000-00-00", "2019-04-31", "1999-99-99", "2001-02-29", "n/a"}
)
