module github.com/proglottis/gpgme

go 1.25.0
