// Package sealed holds texts that may be secret, so that nothing shows them by mistake: no verb of
// package fmt, however deep the value lies, and nothing that goes by reflection without calling
// methods, such as the differences that tests print and what Kubernetes dumps of objects.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// A Text is enciphered in memory under a key that each process makes for itself. That keeps it from
// being shown, and not from whoever reads the memory of the process. Texts that are the same are
// equal to [reflect.DeepEqual]. The zero value is no text, which is not the empty one.
type Text struct {
	sealed *string // package fmt follows no pointer to a string, and prints an address
}

// New returns a text, sealed.
func New[T string | []byte](text T) Text {
	sealed := processKey().seal([]byte(text))
	return Text{&sealed}
}

// Open returns the text.
func (t Text) Open() string {
	if t.sealed == nil {
		return ""
	}
	return processKey().open(*t.sealed)
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t.sealed == nil }

// key enciphers with AES in counter mode. The counter begins at the authentication code of the text,
// so that equal texts are equal when they are sealed, and two others share no counter.
type key struct {
	block cipher.Block
	code  []byte // the key of the authentication code
}

var processKey = sync.OnceValue(func() key {
	random := make([]byte, 64)
	rand.Read(random) // never fails
	block, err := aes.NewCipher(random[:32])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	return key{block, random[32:]}
})

func (k key) seal(text []byte) string {
	mac := hmac.New(sha256.New, k.code)
	mac.Write(text)
	return string(k.count(append(mac.Sum(nil)[:aes.BlockSize], text...)))
}

func (k key) open(sealed string) string { return string(k.count([]byte(sealed))[aes.BlockSize:]) }

// count enciphers what follows the first block, or deciphers it, in place.
func (k key) count(sealed []byte) []byte {
	text := sealed[aes.BlockSize:]
	cipher.NewCTR(k.block, sealed[:aes.BlockSize]).XORKeyStream(text, text)
	return sealed
}
