package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) imagesCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "images",
		Short: "Show, make or remove the images that runs use",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return noSuchCommand(cmd, args) },
	}
	command.AddCommand(a.imagesListCommand(), a.imagesBuildCommand(), a.imagesRemoveCommand())
	return command
}

func (a *app) imagesListCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "list",
		Short: "Show the images that are on the engine, and which of them a run would take",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := a.world.listImages(cmd.Context())
			if err != nil {
				return fmt.Errorf("look for images: %w", err)
			}
			if asJSON {
				return printJSON(a.stdout, append([]storedImage{}, found...))
			}
			if len(found) == 0 {
				_, err := fmt.Fprintln(a.stdout, "no images yet: \"seatrial images build\" makes them")
				return err
			}
			rows := [][]string{{"", "KIND", "VERSION", "IMAGE", "ORIGIN", "MB"}}
			for _, one := range found {
				mark := ""
				if one.Current {
					mark = "*"
				}
				rows = append(rows, []string{mark, one.Kind, one.Version, one.Ref, one.Origin, fmt.Sprint(one.Bytes / 1_000_000)})
			}
			return printColumns(a.stdout, append(rows, []string{"*", "what a run takes"}))
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) imagesBuildCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "build [SERVICE...]",
		Short: "Make sure that the images of services are there: found, pulled or built from packages",
		Long: `Make sure that the images of services (all if none is named) are on the engine. Each is
found there, pulled from its registry, or built from packages where no registry can be
reached. A reference pinned with SEATRIAL_IMAGE_<SERVICE> is never replaced.`,
		Example: `  seatrial images build
  seatrial images build rabbitmq postgres`,
		RunE: func(cmd *cobra.Command, kinds []string) error {
			if err := known("service", kinds, a.world.imageKinds); err != nil {
				return err
			}
			made, err := a.world.ensureImages(cmd.Context(), kinds, a.live.Phase)
			a.live.Close()
			if err != nil {
				return fmt.Errorf("make images: %w", err)
			}
			if asJSON {
				return printJSON(a.stdout, made)
			}
			rows := [][]string{{"SERVICE", "VERSION", "IMAGE", "ORIGIN"}}
			for _, one := range made {
				rows = append(rows, []string{one.Kind, one.Version, one.Ref, one.Origin})
			}
			return printColumns(a.stdout, rows)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) imagesRemoveCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "remove [KIND...]",
		Short: "Remove images that were built here; what came from elsewhere stays",
		Example: `  seatrial images remove
  seatrial images remove rabbitmq proxy`,
		RunE: func(cmd *cobra.Command, kinds []string) error {
			return a.removeImages(cmd.Context(), kinds, asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) removeImages(ctx context.Context, kinds []string, asJSON bool) error {
	found, err := a.world.listImages(ctx)
	if err != nil {
		return fmt.Errorf("look for images: %w", err)
	}
	var built []storedImage
	there := slices.Clone(a.world.imageKinds)
	for _, one := range found {
		if one.Origin == originBuilt {
			built = append(built, one)
			there = append(there, one.Kind)
		}
	}
	slices.Sort(there)
	if err := known("kind", kinds, slices.Compact(there)); err != nil {
		return err
	}
	var refs []string
	for _, one := range built {
		if len(kinds) == 0 || slices.Contains(kinds, one.Kind) {
			refs = append(refs, one.Ref)
		}
	}
	removed := []string{}
	if len(refs) > 0 { // without references everything would be removed
		removed, err = a.world.removeImages(ctx, refs...)
	}
	if printed := a.printRemoved(removed, asJSON); printed != nil {
		return printed
	}
	if err != nil {
		return fmt.Errorf("remove images: %w", err)
	}
	return nil
}

func (a *app) printRemoved(removed []string, asJSON bool) error {
	if asJSON {
		return printJSON(a.stdout, append([]string{}, removed...))
	}
	if len(removed) == 0 {
		_, err := fmt.Fprintln(a.stdout, "removed nothing")
		return err
	}
	_, err := fmt.Fprintln(a.stdout, "removed "+strings.Join(removed, "\nremoved "))
	return err
}

// known refuses the first of names that does not exist.
func known(kind string, names, existing []string) error {
	for _, name := range names {
		if !slices.Contains(existing, name) {
			return unknown(kind, name, existing, "there are "+strings.Join(existing, ", "))
		}
	}
	return nil
}
