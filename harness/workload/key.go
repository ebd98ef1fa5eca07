package workload

import "strings"

// alphabet is Crockford's base32: no I, L, O and U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	tagLength    = 4
	numberLength = 7 // base32 digits: 35 bits
	tokenLength  = tagLength + numberLength + 1
	digitsLength = 1 + 7 + 9 + 1 // a zero, the tag, the number, the check digit
)

// variants begin the keys of MixedKeys: a pipeline that folds case or strips
// accents takes four records for one.
var variants = [4]string{"Éa", "éa", "Ea", "ea"}

// Key returns the key of a record.
//
// A token is the tag, the number in 7 base32 digits and a check character
// that tells every single wrong character and every swap of two. Digits are
// "0", the tag in 7 decimal digits, the number in 9, and a check digit
// (Damm). Mixed keys are one of four prefixes and the token of number/4.
func (w *Workload) Key(number int) string {
	switch w.Config.KeyShape {
	case DigitKeys:
		return digitKey(w.Config.Tag, number)
	case MixedKeys:
		return variants[number%4] + token(w.Config.Tag, number/4)
	}
	return token(w.Config.Tag, number)
}

// Number returns the record number of a key of this workload. It is false
// for every other string: another run's tag, a wrong check character, a
// number that the workload does not have.
func (w *Workload) Number(key string) (int, bool) {
	number, ok := -1, false
	switch w.Config.KeyShape {
	case DigitKeys:
		number, ok = parseDigits(key, w.Config.Tag)
	case MixedKeys:
		for i, variant := range variants {
			if rest, found := strings.CutPrefix(key, variant); found {
				number, ok = parseToken(rest, w.Config.Tag)
				number = number*4 + i
				break
			}
		}
	default:
		number, ok = parseToken(key, w.Config.Tag)
	}
	if !ok || number >= w.records {
		return -1, false
	}
	return number, true
}

func token(tag string, number int) string {
	var key [tokenLength]byte
	copy(key[:], tag)
	for i := tagLength + numberLength - 1; i >= tagLength; i-- {
		key[i] = alphabet[number&31]
		number >>= 5
	}
	key[tokenLength-1] = alphabet[check32(key[:tokenLength-1])]
	return string(key[:])
}

func parseToken(key, tag string) (int, bool) {
	if len(key) != tokenLength || key[:tagLength] != tag {
		return -1, false
	}
	number := 0
	for i := tagLength; i < tokenLength; i++ {
		digit := strings.IndexByte(alphabet, key[i])
		if digit < 0 {
			return -1, false
		}
		if i < tokenLength-1 {
			number = number<<5 | digit
		}
	}
	return number, alphabet[check32([]byte(key[:tokenLength-1]))] == key[tokenLength-1]
}

// check32 is the sum of the characters' values, each multiplied by another
// power of x, in the field of 32 elements modulo x⁵+x²+1.
func check32(text []byte) byte {
	var sum byte
	for _, c := range text {
		sum ^= byte(strings.IndexByte(alphabet, c)) & 31
		sum <<= 1
		if sum&32 != 0 {
			sum ^= 0b100101
		}
	}
	return sum
}

func digitKey(tag string, number int) string {
	var key [digitsLength]byte
	key[0] = '0'
	putDigits(key[1:8], tagNumber(tag))
	putDigits(key[8:17], number)
	key[17] = '0' + damm(key[:17])
	return string(key[:])
}

func parseDigits(key, tag string) (int, bool) {
	if len(key) != digitsLength || strings.Trim(key, "0123456789") != "" || damm([]byte(key)) != 0 {
		return -1, false
	}
	var front [8]byte
	front[0] = '0'
	putDigits(front[1:], tagNumber(tag))
	if key[:8] != string(front[:]) {
		return -1, false
	}
	number := 0
	for _, c := range []byte(key[8:17]) {
		number = number*10 + int(c-'0')
	}
	return number, true
}

func tagNumber(tag string) int {
	value := 0
	for i := range len(tag) {
		value = value<<5 | strings.IndexByte(alphabet, tag[i])
	}
	return value
}

func putDigits(to []byte, value int) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = byte('0' + value%10)
		value /= 10
	}
}

// dammTable is the quasigroup of order 10 from Damm's thesis.
var dammTable = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9}, {1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5}, {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// damm returns the check digit of digits; of digits with their check digit it is 0.
func damm(digits []byte) byte {
	var interim byte
	for _, c := range digits {
		interim = dammTable[interim][c-'0']
	}
	return interim
}

// Foreign reports whether key is well formed but of another tag: what another
// run left behind on a warm stack, and not a damaged key of this one.
func (w *Workload) Foreign(key string) bool {
	switch w.Config.KeyShape {
	case DigitKeys:
		return len(key) == digitsLength && strings.Trim(key, "0123456789") == "" && key[0] == '0' &&
			damm([]byte(key)) == 0 && key[:8] != digitKey(w.Config.Tag, 0)[:8]
	case MixedKeys:
		for _, variant := range variants {
			if rest, found := strings.CutPrefix(key, variant); found {
				return foreignToken(rest, w.Config.Tag)
			}
		}
		return false
	}
	return foreignToken(key, w.Config.Tag)
}

func foreignToken(key, tag string) bool {
	if len(key) != tokenLength || key[:tagLength] == tag || strings.Trim(key, alphabet) != "" {
		return false
	}
	_, ok := parseToken(key, key[:tagLength])
	return ok
}

// KeyLooks is what keys begin with, and how many bytes they have.
type KeyLooks struct {
	Prefix string
	Length int // bytes, prefix included
}

// KeysLook returns what the keys of this workload look like: enough to find
// them in any text. Mixed keys have several looks.
func (w *Workload) KeysLook() []KeyLooks {
	switch w.Config.KeyShape {
	case DigitKeys:
		return []KeyLooks{{digitKey(w.Config.Tag, 0)[:1+7], digitsLength}}
	case MixedKeys:
		var looks []KeyLooks
		for _, variant := range variants {
			looks = append(looks, KeyLooks{variant + w.Config.Tag, len(variant) + tokenLength})
		}
		return looks
	}
	return []KeyLooks{{w.Config.Tag, tokenLength}}
}
