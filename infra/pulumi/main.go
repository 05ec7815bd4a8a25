// Command pulumi declares what materia needs outside its server: one R2 bucket
// for backups, with a lifecycle that never removes a backup.
//
// Cloudflare's Go SDK for Pulumi is not used: it cannot be had as a Go module
// here, and two resources need no SDK. They are registered by their type tokens,
// so `pulumi up` asks for the provider plugin "cloudflare" by itself.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

const (
	bucketType    = "cloudflare:index/r2Bucket:R2Bucket"
	lifecycleType = "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle"

	secondsOfDay = 24 * 60 * 60
	// abortAfterDays: parts of an upload that was cut off are of no use to the
	// next one, which starts anew.
	abortAfterDays = 7
	// coldAfterDays: landed files do not change and are read when a server is
	// restored, so they need not stay in the dearer class.
	coldAfterDays = 30
)

type bucket struct {
	pulumi.CustomResourceState
	Name pulumi.StringOutput `pulumi:"name"`
}

type lifecycle struct{ pulumi.CustomResourceState }

func main() { pulumi.Run(declare) }

// declare registers the bucket and its lifecycle and exports the bucket's name.
func declare(ctx *pulumi.Context) error {
	conf := config.New(ctx, "materia")
	account, err := conf.Try("accountId")
	if err != nil {
		return fmt.Errorf("pulumi config set materia:accountId <Cloudflare account>: %w", err)
	}
	name := conf.Get("bucket")
	if name == "" {
		name = "materia-backup"
	}
	location := conf.Get("location")
	if location == "" {
		location = "weur"
	}

	var b bucket
	// Protected: `pulumi destroy` does not take the backups along.
	err = ctx.RegisterResource(bucketType, "backup", pulumi.Map{
		"accountId":    pulumi.String(account),
		"name":         pulumi.String(name),
		"location":     pulumi.String(location),
		"storageClass": pulumi.String("Standard"),
	}, &b, pulumi.Protect(true), pulumi.RetainOnDelete(true))
	if err != nil {
		return err
	}

	all := pulumi.Map{"prefix": pulumi.String("")}
	after := func(days int) pulumi.Map {
		return pulumi.Map{"type": pulumi.String("Age"), "maxAge": pulumi.Int(days * secondsOfDay)}
	}
	var l lifecycle
	err = ctx.RegisterResource(lifecycleType, "backup", pulumi.Map{
		"accountId":  pulumi.String(account),
		"bucketName": b.Name,
		"rules": pulumi.Array{
			pulumi.Map{
				"id": pulumi.String("abort-cut-off-uploads"), "enabled": pulumi.Bool(true), "conditions": all,
				"abortMultipartUploadsTransition": pulumi.Map{"condition": after(abortAfterDays)},
			},
			pulumi.Map{
				"id": pulumi.String("to-infrequent-access"), "enabled": pulumi.Bool(true), "conditions": all,
				"storageClassTransitions": pulumi.Array{pulumi.Map{
					"condition": after(coldAfterDays), "storageClass": pulumi.String("InfrequentAccess"),
				}},
			},
		},
	}, &l, pulumi.DependsOn([]pulumi.Resource{&b}))
	if err != nil {
		return err
	}
	ctx.Export("bucket", b.Name)
	return nil
}
