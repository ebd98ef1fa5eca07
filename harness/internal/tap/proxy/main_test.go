package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressIn(t *testing.T) {
	address, err := addressIn("127.0.0.0/8")
	require.NoError(t, err)
	require.True(t, address.IsLoopback())
	_, err = addressIn("255.255.255.255/32") // no interface has it
	require.ErrorContains(t, err, "no interface of this container is in 255.255.255.255/32")
	_, err = addressIn("")
	require.ErrorContains(t, err, "SEATRIAL_CONTROL")
}

func TestRunRefusesAnOpenControl(t *testing.T) {
	t.Setenv("SEATRIAL_TOKEN", "")
	require.ErrorContains(t, run(t.Context()), "SEATRIAL_TOKEN is empty")
	t.Setenv("SEATRIAL_TOKEN", "token")
	t.Setenv("SEATRIAL_CONTROL", "127.0.0.0/8")
	t.Setenv("SEATRIAL_ROUTES", "rabbitmq=:0")
	require.ErrorContains(t, run(t.Context()), "is not name=listen=upstream or name=listen=upstream=attached")
}
