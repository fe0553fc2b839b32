module github.com/pullroute/pullroute/nodefiles/sftpnode

go 1.25.0

replace github.com/pullroute/pullroute => ../../

require (
	github.com/pkg/sftp v1.13.12
	github.com/pullroute/pullroute v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/crypto v0.54.0
)

require (
	github.com/distribution/reference v0.6.0 // indirect
	github.com/kr/fs v0.1.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/pelletier/go-toml/v2 v2.4.3 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
